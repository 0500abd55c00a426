import type { History } from "@trunkline/conformance";
import { MessagingError } from "@trunkline/core";
import type { Kind, Sent } from "./rabbit-traffic.js";

/** From the beginning of a fault until all works again. */
export interface FaultSpan {
  readonly from: number;
  readonly to: number;
}

export interface Account {
  readonly history: History;
  readonly sent: ReadonlyMap<string, Sent>;
  readonly faults: readonly FaultSpan[];
  /** How many casts were reported as lost. */
  readonly castsLost: number;
  /** Of which kinds an accepted message may be gone where it was on its way in a fault: what `acceptance` does not promise. */
  readonly mayLose: readonly Kind[];
  /** Codes of errors that a send may end with in a fault. */
  readonly mayFailWith: readonly string[];
}

/** Busy as the machine may be: by then a timer that was due has run. */
const LATE_MS = 5_000;
/** So long before a fault a message may have been sent that was still on its way, or not acknowledged yet. */
const ON_ITS_WAY_MS = 5_000;

/** What must never be. Empty where all went as it should; `numbers` are for people. */
export function verdictOf(account: Account): { readonly flaws: readonly string[]; readonly numbers: string } {
  const { history, sent, castsLost, mayLose } = account;
  const judgement = history.judge({ failures: true });
  const kindOf = (id: string): Kind | undefined => sent.get(id)?.kind;
  const missing = judgement.missing.filter((text) => {
    const kind = kindOf(idOf(text));
    return kind === undefined || !mayLose.includes(kind) || !wasInFault(account, idOf(text));
  });
  const casts = missing.filter((text) => kindOf(idOf(text)) === "cast");
  // Where the connection of one of a pool is lost, another of it may have its events as well.
  const twice = judgement.duplicate.filter(
    (text) => kindOf(idOf(text)) !== "event" || !/at .*p\d/.test(text) || !wasInFault(account, idOf(text)),
  );
  const flaws = [
    ...some(
      "accepted and lost",
      missing.filter((text) => kindOf(idOf(text)) !== "cast"),
    ),
    ...(casts.length <= castsLost ? [] : some(`casts lost, of which ${castsLost} were told`, casts)),
    ...some("ran twice", twice),
    ...some("at others", judgement.misrouted),
    ...some("ran, though it was refused or never sent", judgement.unexpected),
    ...some("odd outcome", oddOutcomes(account)),
    ...some("settled late", lateOnes(sent)),
  ];
  const { length: excused } = judgement.missing.filter((text) => !missing.includes(text));
  const numbers = `${judgement.sent} sent, ${judgement.handled} handled, ${judgement.rejected.length + outcomes(history, "fail") + outcomes(history, "unknown")} not accepted (${outcomes(history, "unknown")} of unknown outcome), ${castsLost} casts told as lost, ${excused} lost with what held them, ${judgement.duplicate.length - twice.length} events at two of a pool`;
  return { flaws, numbers };
}

/** Refused outside a fault, or with an error that the fault does not account for. */
function oddOutcomes(account: Account): string[] {
  return account.history.sends.flatMap(({ id, state, error }) => {
    if (state === "ok") return [];
    const code = error instanceof MessagingError ? error.code : String(error);
    const isKnown = account.mayFailWith.includes(code) && wasInFault(account, id);
    return isKnown ? [] : [`${id} (${state}, ${code}: ${error instanceof Error ? error.message : ""})`];
  });
}

function lateOnes(sent: ReadonlyMap<string, Sent>): string[] {
  return [...sent].flatMap(([id, { startedAt, endedAt, limitMs }]) => {
    if (endedAt === undefined) return [`${id} (never)`];
    return endedAt - startedAt > limitMs + LATE_MS ? [`${id} (${Math.round(endedAt - startedAt)} ms)`] : [];
  });
}

function wasInFault({ sent, faults }: Account, id: string): boolean {
  const one = sent.get(id);
  if (one === undefined) return false;
  const endedAt = one.endedAt ?? Number.POSITIVE_INFINITY;
  return faults.some(({ from, to }) => one.startedAt <= to && Math.max(endedAt, one.startedAt + ON_ITS_WAY_MS) >= from);
}

function outcomes(history: History, wanted: string): number {
  return history.sends.filter(({ state }) => state === wanted).length;
}

/** The id with which a line of a judgement begins. */
function idOf(text: string): string {
  return text.split(" ", 1)[0] ?? "";
}

function some(what: string, which: readonly string[]): string[] {
  return which.length === 0 ? [] : [`${which.length} ${what}: ${which.slice(0, 6).join("; ")}`];
}
