/**
 * Random programs: what applications do with a few transports, as data. The same seed gives the same program; a program that
 * was made shorter is still one, since what cannot be done at its turn is left out.
 */

/** How many transports a program has. */
export const SLOTS = 3;
/** Two topics, of which one is the beginning of the other (A5). */
export const TOPICS: readonly string[] = ["t", "tx"];
const SERVERS: readonly string[] = ["s1", "s2", "s3"];
const POOLS: readonly (string | undefined)[] = [undefined, "a", "b"];

/** One step. `on` and `from` number a transport. Sends do not wait for each other; all else waits until it is done. */
export type Operation =
  | { readonly do: "serve"; readonly on: number; readonly topic: string; readonly server: string }
  | { readonly do: "stop"; readonly topic: string; readonly server: string }
  | { readonly do: "listen" | "leave"; readonly on: number; readonly topic: string; readonly pool?: string }
  | SendOperation
  /** Cuts the link of this transport, or all links, as the harness can. */
  | { readonly do: "cut"; readonly on: number }
  /** Closes the transport, with all its consumers, and opens another one in its place. */
  | { readonly do: "reopen"; readonly on: number }
  /** Waits until each send has an outcome, and was handled where it must be. */
  | { readonly do: "settle" };

/** `abort`: a call whose caller gives it up at once. With `server`: a directed call or cast. */
export interface SendOperation {
  readonly do: SendKind;
  readonly from: number;
  readonly topic: string;
  readonly server?: string;
  readonly times: number;
}

/** What one step of a program sends; `abort` is a call that its caller gives up. */
export type SendKind = "call" | "cast" | "fanout" | "emit" | "abort";

/** What a program may have in it, by the manifest and the harness. */
export interface Means {
  readonly events: boolean;
  readonly pools: boolean;
  readonly fanout: boolean;
  readonly serverDirected: boolean;
  readonly cut: boolean;
}

const WEIGHTS: readonly (readonly [Operation["do"], number])[] = [
  ["call", 7],
  ["cast", 7],
  ["fanout", 4],
  ["emit", 6],
  ["abort", 2],
  ["serve", 5],
  ["stop", 3],
  ["listen", 4],
  ["leave", 2],
  ["reopen", 2],
  ["cut", 2],
  ["settle", 4],
];

/** A program of about `length` operations. What it sends mostly has somebody to handle it. */
export function generateProgram(random: () => number, means: Means, length: number): Operation[] {
  const state = new Sketch();
  const program: Operation[] = [];
  while (program.length < length) {
    const next = makeOperation(pickKind(random), random, means, state);
    if (next === undefined) continue;
    state.apply(next);
    program.push(next);
  }
  return program;
}

function pickKind(random: () => number): Operation["do"] {
  const total = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);
  let point = random() * total;
  for (const [kind, weight] of WEIGHTS) {
    point -= weight;
    if (point < 0) return kind;
  }
  return "settle";
}

function makeOperation(
  kind: Operation["do"],
  random: () => number,
  means: Means,
  state: Sketch,
): Operation | undefined {
  const slot = Math.floor(random() * SLOTS);
  const topic = pick(TOPICS, random) ?? "t";
  switch (kind) {
    case "serve": {
      const server = pick(SERVERS, random) ?? "s1";
      return state.servers.has(keyOf(topic, server)) ? undefined : { do: "serve", on: slot, topic, server };
    }
    case "stop": {
      const live = pick([...state.servers.values()], random);
      return live === undefined ? undefined : { do: "stop", topic: live.topic, server: live.server };
    }
    case "listen":
    case "leave": {
      if (!means.events) return undefined;
      const pool = means.pools ? pick(POOLS, random) : undefined;
      return { do: kind, on: slot, topic, ...(pool === undefined ? {} : { pool }) };
    }
    case "cut":
      return means.cut ? { do: "cut", on: slot } : undefined;
    case "reopen":
      return { do: "reopen", on: slot };
    case "settle":
      return { do: "settle" };
    case "fanout":
      return means.fanout ? { do: "fanout", from: slot, topic, times: timesOf(random) } : undefined;
    case "emit":
      return means.events ? { do: "emit", from: slot, topic, times: timesOf(random) } : undefined;
    default:
      return makeRequest(kind, slot, topic, random, means, state);
  }
}

function makeRequest(
  kind: "call" | "cast" | "abort",
  from: number,
  topic: string,
  random: () => number,
  means: Means,
  state: Sketch,
): Operation | undefined {
  const server = means.serverDirected && random() < 0.3 ? pick(SERVERS, random) : undefined;
  const isHeard = [...state.servers.values()].some(
    (live) => live.topic === topic && (server === undefined || server === live.server),
  );
  // A call to nobody takes its whole deadline where a broker keeps it: few are enough.
  if (!isHeard && random() > 0.05) return undefined;
  return { do: kind, from, topic, ...(server === undefined ? {} : { server }), times: isHeard ? timesOf(random) : 1 };
}

/** Mostly a few, sometimes a burst. */
function timesOf(random: () => number): number {
  return random() < 0.15 ? 20 + Math.floor(random() * 40) : 1 + Math.floor(random() * 4);
}

function pick<Item>(items: readonly Item[], random: () => number): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

function keyOf(topic: string, server: string): string {
  return `${topic}/${server}`;
}

/** Which servers there are at a point of a program. */
class Sketch {
  readonly servers = new Map<string, { readonly topic: string; readonly server: string; readonly on: number }>();

  apply(operation: Operation): void {
    if (operation.do === "serve") this.servers.set(keyOf(operation.topic, operation.server), operation);
    else if (operation.do === "stop") this.servers.delete(keyOf(operation.topic, operation.server));
    else if (operation.do === "reopen") {
      for (const [key, { on }] of this.servers) if (on === operation.on) this.servers.delete(key);
    }
  }
}

/** One numbered line for each operation, for people. */
export function describeProgram(program: readonly Operation[]): string {
  return program.map((operation, index) => `  ${index + 1}. ${describeOperation(operation)}`).join("\n");
}

function describeOperation(operation: Operation): string {
  switch (operation.do) {
    case "serve":
      return `transport ${operation.on} serves ${operation.topic} as ${operation.server}`;
    case "stop":
      return `server ${operation.server} of ${operation.topic} stops`;
    case "listen":
    case "leave": {
      const pool = operation.pool === undefined ? "" : ` in pool ${operation.pool}`;
      return `transport ${operation.on} ${operation.do === "listen" ? "listens to" : "leaves"} ${operation.topic}${pool}`;
    }
    case "cut":
      return `the link of transport ${operation.on} is cut`;
    case "reopen":
      return `transport ${operation.on} is closed and opened again`;
    case "settle":
      return "all settles";
    default: {
      const to = operation.server === undefined ? operation.topic : `${operation.topic} ${operation.server}`;
      const times = operation.times === 1 ? "" : ` ${operation.times} times`;
      const verb = operation.do === "abort" ? "calls and aborts" : VERBS[operation.do];
      return `transport ${operation.from} ${verb} ${to}${times}`;
    }
  }
}

const VERBS = { call: "calls", cast: "casts to", fanout: "fans out to", emit: "emits to" } as const;

/** A program as it was printed, for a replay. @throws TypeError for what is none. */
export function parseProgram(text: string): Operation[] {
  const program: unknown = JSON.parse(text);
  if (!Array.isArray(program)) throw new TypeError("a program is a list of operations");
  for (const operation of program) {
    if (typeof operation !== "object" || operation === null || !KINDS.has(Reflect.get(operation, "do"))) {
      throw new TypeError(`no operation: ${JSON.stringify(operation)}`);
    }
  }
  // Each has a known kind; what lacks in it is left out as any other step that cannot be done.
  return program as Operation[];
}

const KINDS: ReadonlySet<unknown> = new Set(WEIGHTS.map(([kind]) => kind));
