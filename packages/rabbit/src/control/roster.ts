import type { Clock } from "@trunkline/core/driver";

/** For so long after one did not answer, it may have been given messages: by then its connection is found dead. */
const MOURNING_MS = 60_000;
/** Those that were there before, and live, have answered by then. */
const SETTLING_MS = 1_000;
/** Servers of one topic, in other transports. More are not believed. */
const MOST_MEMBERS = 10_000;

/**
 * The other transports that serve one topic, as this one has heard of them: each by its inbox.
 *
 * A process that hangs does not answer, and may have messages all the same. So the roster is not whole until the broker counts as many
 * consumers as those who have answered say that they are.
 */
export class Roster {
  readonly #clock: Pick<Clock, "now" | "wallNow">;
  #settledAt: number;
  #since = Number.POSITIVE_INFINITY;
  /** With how many servers each has said that it consumes. */
  readonly #present: Map<string, number> = new Map();
  /** Of each that did not answer, until when it may have been given messages, on the wall clock. */
  readonly #silent: Map<string, number> = new Map();
  /** Of all that are lost for good. */
  #lostUntil = 0;

  constructor(clock: Pick<Clock, "now" | "wallNow">) {
    this.#clock = clock;
    this.#settledAt = clock.now() + SETTLING_MS;
  }

  get present(): Iterable<string> {
    return this.#present.keys();
  }

  /** Since when it is whole, on the wall clock in whole ms; `Infinity`: it is not. */
  get since(): number {
    return this.#since;
  }

  get isWhole(): boolean {
    return this.#since < Number.POSITIVE_INFINITY;
  }

  /** How long until all that were there before have had the time to say so; 0: they have. */
  get settlingMs(): number {
    return this.isWhole ? 0 : Math.max(0, this.#settledAt - this.#clock.now());
  }

  /** The broker counts so many consumers, of which so many are this transport's own. */
  counted(consumers: number, own: number): void {
    let known = own;
    for (const servers of this.#present.values()) known += servers;
    if (!this.isWhole && known === consumers) this.whole();
  }

  /** There is nobody of whom nothing was heard: from now on, whoever comes is heard. */
  whole(): void {
    this.#since = Math.ceil(this.#clock.wallNow());
  }

  /** Some may have come unheard. */
  doubted(): void {
    this.#since = Number.POSITIVE_INFINITY;
    this.#settledAt = this.#clock.now() + SETTLING_MS;
  }

  /**
   * A message that was sent before then, on the wall clock in ms, may have been had by one that cannot be asked, however long ago that
   * was: it may have waited since, for a server with a free hand. 0: none is lost.
   */
  get lostUntil(): number {
    return Math.max(this.#lostUntil, ...this.#silent.values());
  }

  /** @param servers with which it consumes, where it has said so */
  heard(member: string, servers?: number): void {
    this.#silent.delete(member);
    if (this.#present.size >= MOST_MEMBERS && !this.#present.has(member)) return;
    this.#present.set(member, servers ?? this.#present.get(member) ?? 0);
  }

  /** It has said goodbye, and nothing that it had can come again. */
  left(member: string): void {
    this.#present.delete(member);
  }

  /** It has said goodbye, and what it had may come again. */
  lost(member: string): void {
    this.#present.delete(member);
    this.#silent.delete(member);
    this.#lostUntil = Math.max(this.#lostUntil, Math.ceil(this.#clock.wallNow()));
  }

  /** It did not answer. Where it is heard again, it can be asked again. */
  missed(member: string): void {
    if (!this.#present.delete(member)) return;
    const now = Math.ceil(this.#clock.wallNow());
    // Who has been silent for so long does not come back.
    for (const [other, until] of this.#silent) {
      if (until >= now) continue;
      this.#silent.delete(other);
      this.#lostUntil = Math.max(this.#lostUntil, until);
    }
    this.#silent.set(member, now + MOURNING_MS);
  }
}
