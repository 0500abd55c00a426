import type { Address } from "@trunkline/core/driver";

/**
 * What the servers of a topic say of a message. `claimed`: one has it, or has begun it. `nobody`: every server that can be asked
 * has answered, and none has it or had it. `unknown`: one that could have had it does not answer.
 */
export type Finding = "claimed" | "nobody" | "unknown";

/** On the wall clock, in ms. */
export interface Knowledge {
  /** It knows all who serve the topic since then; `Infinity`: not yet. */
  readonly since: number;
  /** Until then, one that cannot be asked any more may have had one; 0: there was none. */
  readonly lostUntil: number;
}

/** Where the servers of a topic ask each other who has a message. Keyed by the server that asks, so that it can be forgotten with it. */
export interface ClaimDesk {
  /** Whether the caller of this request has given up. */
  isCancelled(id: string): boolean;
  /** From when on this transport knows all who can have had a message of the topic. */
  knowledgeOf(address: Address): Knowledge;
  /** A connection was lost by which requests of the topic came: what they were may come again, elsewhere. */
  broke(address: Address): void;
  /**
   * Asks the servers of the topic for the message `id`; `answer` is called once, never before this has returned, unless the asker was
   * forgotten.
   * @param withinMs after which it is `unknown`
   */
  ask(asker: object, address: Address, id: string, withinMs: number, answer: (finding: Finding) => void): void;
  /** What it asked for comes again, or not: no answer is wanted. */
  forget(asker: object): void;
}
