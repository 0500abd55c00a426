import type { Address } from "@trunkline/core/driver";

/**
 * What the servers of a topic say of a message. `claimed`: one has it, or has begun it. `nobody`: every server that could have had it
 * since this transport began to serve has answered, and none has begun it. `unknown`: one that could have had it does not answer.
 */
export type Finding = "claimed" | "nobody" | "unknown";

/** Where the servers of a topic ask each other who has a message. Keyed by the server that asks, so that it can be forgotten with it. */
export interface ClaimDesk {
  /** Whether the caller of this request has given up. */
  isCancelled(id: string): boolean;
  /** Since when this transport knows who serves the topic, on the wall clock. */
  servesSince(address: Address): number;
  /**
   * Asks the servers of the topic for the message `id`; `answer` is called once, never before this has returned, unless the asker was
   * forgotten.
   * @param withinMs after which it is `unknown`
   */
  ask(asker: object, address: Address, id: string, withinMs: number, answer: (finding: Finding) => void): void;
  /** What it asked for comes again, or not: no answer is wanted. */
  forget(asker: object): void;
}
