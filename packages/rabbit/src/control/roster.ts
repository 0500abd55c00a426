import type { Clock } from "@trunkline/core/driver";

/** For so long after one was found gone, what comes again may be what it held. */
const MOURNING_MS = 60_000;
/** Those that were there before have answered by then. */
const SETTLING_MS = 1_000;
/** Servers of one topic, in other transports. More are not believed. */
const MOST_MEMBERS = 10_000;

/** The other transports that serve one topic, as this one has heard of them: each by its inbox. */
export class Roster {
  /** On the wall clock, in whole ms. */
  readonly since: number;
  readonly #clock: Pick<Clock, "now">;
  readonly #settledAt: number;
  readonly #present: Set<string> = new Set();
  /** When each was found to be gone. */
  readonly #gone: Map<string, number> = new Map();

  constructor(clock: Pick<Clock, "now" | "wallNow">) {
    this.#clock = clock;
    this.since = Math.floor(clock.wallNow());
    this.#settledAt = clock.now() + SETTLING_MS;
  }

  get present(): ReadonlySet<string> {
    return this.#present;
  }

  /** How long until all that were there before have had the time to say so; 0: they have. */
  get settlingMs(): number {
    return Math.max(0, this.#settledAt - this.#clock.now());
  }

  /** Whether one went without a word, so shortly ago that what it held may still come. */
  get hasLost(): boolean {
    const now = this.#clock.now();
    for (const [member, at] of this.#gone) if (now - at >= MOURNING_MS) this.#gone.delete(member);
    return this.#gone.size > 0;
  }

  heard(member: string): void {
    this.#gone.delete(member);
    if (this.#present.size < MOST_MEMBERS) this.#present.add(member);
  }

  /** It has said goodbye, and holds nothing. */
  left(member: string): void {
    this.#present.delete(member);
  }

  /** It did not answer. */
  missed(member: string): void {
    if (this.#present.delete(member)) this.#gone.set(member, this.#clock.now());
  }
}
