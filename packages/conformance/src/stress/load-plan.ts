import type { SendState } from "../history.js";

/** What a peer of a load does. */
export interface LoadPlan {
  /** Of all peers: each serves under its own name, and listens. */
  readonly peers: readonly string[];
  readonly topic: string;
  readonly seed: number;
  /** What the manifest allows it to send. */
  readonly kinds: readonly LoadKind[];
  /** Which pools the listeners are in, in turn; one without name where the manifest has no pools. */
  readonly pools: readonly string[];
  /** How long a call or a send may take. */
  readonly timeoutMs: number;
}

/** What one send of a load is. */
export type LoadKind = "call" | "cast" | "directed" | "fanout" | "emit";

/** One send of a load and its outcome. */
export interface LoadSend {
  readonly id: string;
  readonly kind: LoadKind;
  /** Of a directed call. */
  readonly to?: string;
  readonly state: SendState;
  /** Why it was not accepted, or what was wrong with its answer. */
  readonly refusal?: string;
  readonly hasWrongAnswer?: boolean;
}

/** What a peer did and saw since it was last asked. */
export interface LoadRecord {
  readonly sends: readonly LoadSend[];
  /** `[id, attempt]`. */
  readonly served: readonly (readonly [string, number])[];
  readonly listened: readonly (readonly [string, number])[];
  /** What its transport told as lost. */
  readonly lost: number;
  /** It is the last that is known of a process that was killed. */
  readonly wasKilled?: boolean;
}

/** What a process holds, once it has collected its garbage. */
export interface Footprint {
  readonly heapBytes: number;
  /** What keeps the process alive, in all. */
  readonly handles: number;
  /** Its open files and sockets; undefined where the system does not tell. */
  readonly openFiles: number | undefined;
  /** The gauges of its transport: what is in hand, what waits, links. */
  readonly gauges: Readonly<Record<string, number>>;
}

/** Some traffic: so many lanes, each of which sends one after another. */
export interface Traffic {
  readonly ms: number;
  readonly lanes: number;
  /** No peer sends more than so many, so that a record has an end. */
  readonly most: number;
}

/** A peer of a load, in this process or in another. */
export interface LoadPeer {
  readonly name: string;
  /** Sends for so long, and resolves when each send has its outcome. */
  send(traffic: Traffic): Promise<void>;
  takeRecord(): Promise<LoadRecord>;
  footprint(): Promise<Footprint>;
  /** Closes its transport; a process must end by itself after it. @throws ConformanceFailure */
  finish(): Promise<void>;
}
