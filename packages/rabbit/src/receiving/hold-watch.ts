import type { Clock, Timer } from "@trunkline/core/driver";

/** What a listener has in hand, as the watch sees it. */
export interface Watched {
  /** When it came, on the clock's `now()`. */
  readonly since: number;
}

/**
 * Finds what has been in hand for half of the time that the broker allows (`consumer_timeout`): past all of it the broker would end the
 * channel, and with it everything else that is in hand.
 */
export class HoldWatch<Held extends Watched> {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #held: Iterable<Held>;
  readonly #onOverdue: (held: Held) => void;
  #timer: Timer | undefined;

  /** @param allowedMs 0: without end, and nothing is watched. */
  constructor(clock: Clock, allowedMs: number, held: Iterable<Held>, onOverdue: (held: Held) => void) {
    this.#clock = clock;
    this.#limitMs = allowedMs / 2;
    this.#held = held;
    this.#onOverdue = onOverdue;
    if (allowedMs > 0) this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), this.#limitMs / 4, { background: true });
  }

  #look(): void {
    const before = this.#clock.now() - this.#limitMs;
    // In the order of arrival: the first that is not overdue ends it.
    const overdue: Held[] = [];
    for (const held of this.#held) {
      if (held.since > before) break;
      overdue.push(held);
    }
    for (const held of overdue) this.#onOverdue(held);
    this.#arm();
  }
}

/** A time for people: minutes from two on, seconds below. */
export function spanText(ms: number): string {
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 1_000)} s`;
}
