import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What a load program keeps of one operation. */
export interface Settled {
  readonly id: string;
  readonly kind: "call" | "cast" | "fanout" | "event";
  /** The server that a call was directed to. */
  readonly to?: string;
  /** `fail`: it certainly did not run. `unknown`: it may have. `strange`: an outcome that nothing in the test accounts for. */
  readonly state: "ok" | "fail" | "unknown" | "strange";
  readonly error?: string;
  /** Of casts, fanouts and events that were accepted: by how many. */
  readonly accepted?: number;
  readonly tookMs: number;
  readonly limitMs: number;
}

/** What a handler wrote before it did anything else. */
export interface Handled {
  readonly id: string;
  /** `call`, `cast`, `fanout`, or `event:` and the pool. */
  readonly kind: string;
  readonly server: string;
  /** The process, of which a server may have many, one after another. */
  readonly incarnation: string;
}

export interface Missing {
  readonly sender: string;
  /** Which, and what became of it. */
  readonly told: string;
}

/** What was sent and what was handled, put side by side. */
export interface Verdict {
  /** What must never be. Empty where all went as it should. */
  readonly flaws: readonly string[];
  /** Casts and events that were accepted and never handled, each as often as it is missing. */
  readonly missing: readonly Missing[];
  /** As many parts of fanouts were accepted and never handled. */
  readonly missingParts: readonly Missing[];
  readonly counts: Readonly<Record<string, number>>;
}

/** Busy as the machine may be: by then a timer that was due has run. */
const LATE_MS = 5_000;

/** What the servers of a run wrote. */
export interface ServerRecords {
  /** In the order of each process. */
  readonly handled: readonly Handled[];
  /** A server that stops gives back what it has not begun; its part of a fanout is nobody else's, and is counted there. */
  readonly fanoutsDropped: number;
  /** With a broker it is a server that learns of a cast that is lost with another, and counts it. */
  readonly castsLost: number;
}

/** Of {@link judge}. */
export interface JudgeRules {
  /** With a broker an event whose handler's process died is handled again (C4). @default false */
  readonly eventsMayRepeat?: boolean;
}

/** Reads `server~incarnation.log` of a folder: a line for each message that a handler got, and for what was dropped. */
export function readRecords(folder: string): ServerRecords {
  const handled: Handled[] = [];
  let fanoutsDropped = 0;
  let castsLost = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".log"))) {
    const incarnation = basename(name, ".log");
    const [server = ""] = incarnation.split("~");
    for (const line of readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1)) {
      const at = line.indexOf(" ");
      const [kind, rest] = [line.slice(0, at), line.slice(at + 1)];
      if (kind === "castsLost") castsLost += Number(rest);
      else if (kind !== "dropped") handled.push({ kind, id: rest, server, incarnation });
      else if (rest.includes(" a fanout that ")) fanoutsDropped += Number.parseInt(rest, 10);
    }
  }
  return { handled, fanoutsDropped, castsLost };
}

/**
 * Judges a run in which processes may have died: nothing ran twice, what was answered ran once, what certainly did not run
 * did not, nothing ran elsewhere, and each operation settled by its deadline (A3, A4, B1, B2, B6, B12, C3).
 */
export function judge(
  sent: readonly Settled[],
  handled: readonly Handled[],
  { eventsMayRepeat = false }: JudgeRules = {},
): Verdict {
  const flaws = new Flaws();
  const missing: Missing[] = [];
  const missingParts: Missing[] = [];
  const counts: Record<string, number> = {};
  const known = new Map(sent.map((one) => [one.id, one]));
  const byId = new Map<string, Handled[]>();
  for (const one of handled) {
    const same = byId.get(one.id);
    if (same === undefined) byId.set(one.id, [one]);
    else same.push(one);
    if (known.get(one.id)?.kind !== one.kind.split(":")[0]) flaws.add("never sent", `${one.kind} ${one.id}`);
  }
  for (const one of sent) {
    const { id, kind, state } = one;
    const seen = byId.get(id) ?? [];
    const places = new Set(seen.map((handling) => placeOf(kind, handling)));
    counts[`${kind} ${state}`] = (counts[`${kind} ${state}`] ?? 0) + 1;
    if (places.size < seen.length && !(eventsMayRepeat && kind === "event"))
      flaws.add("ran twice", `${kind} ${id} at ${seen.map(({ incarnation }) => incarnation)}`);
    if (state === "strange") flaws.add("strange outcome", `${kind} ${id}: ${one.error}`);
    if (state === "fail" && seen.length > 0)
      flaws.add("ran, though it said that it had not", `${kind} ${id}: ${one.error}`);
    if (one.tookMs > one.limitMs + LATE_MS) flaws.add("settled late", `${kind} ${id} after ${one.tookMs} ms`);
    if (one.to !== undefined && seen.some(({ server }) => server !== one.to))
      flaws.add("ran elsewhere", `${id} for ${one.to}`);
    if (state !== "ok") continue;
    const lacking = (one.accepted ?? 1) - places.size;
    if (lacking <= 0) continue;
    if (kind === "call") flaws.add("answered and never ran", id);
    const sender = id.slice(0, id.lastIndexOf("-"));
    const told = `${kind} ${id} (accepted by ${one.accepted}, handled at ${[...places].join(", ") || "none"})`;
    const lost = Array<Missing>(lacking).fill({ sender, told });
    if (kind === "fanout") missingParts.push(...lost);
    else missing.push(...lost);
  }
  return { flaws: flaws.told(), missing, missingParts, counts };
}

/** Where a message may be handled once: a fanout by each process, an event in each pool, all else once in all. */
function placeOf(kind: Settled["kind"], handling: Handled): string {
  if (kind === "fanout") return handling.incarnation;
  return kind === "event" ? handling.kind : "one";
}

/** What is wrong, by kind: the first few of each, and how many there are. */
class Flaws {
  readonly #found: Map<string, string[]> = new Map();

  add(what: string, which: string): void {
    const found = this.#found.get(what);
    if (found === undefined) this.#found.set(what, [which]);
    else found.push(which);
  }

  told(): string[] {
    return [...this.#found].map(([what, which]) => `${which.length} ${what}: ${which.slice(0, 5).join("; ")}`);
  }
}
