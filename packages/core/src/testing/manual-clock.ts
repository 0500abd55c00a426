import { InvalidArgumentError } from "../errors.js";
import type { Clock, Timer } from "../host.js";

/** Where a {@link ManualClock} begins. */
export interface ManualClockOptions {
  /** What `now()` begins with. @default 0 */
  readonly now?: number;
  /** What `wallNow()` begins with, in ms since the Unix epoch. @default 1 700 000 000 000 */
  readonly wallNow?: number;
}

interface Pending {
  readonly at: number;
  readonly fn: () => void;
  readonly background: boolean;
  /** So that timers due at one instant fire in the order in which they were set. */
  readonly order: number;
}

/** A clock that stands still until a test turns it. */
export class ManualClock implements Clock {
  #now: number;
  #wallNow: number;
  #order = 0;
  readonly #pending: Set<Pending> = new Set();

  constructor(options: ManualClockOptions = {}) {
    this.#now = options.now ?? 0;
    this.#wallNow = options.wallNow ?? 1_700_000_000_000;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#wallNow;
  }

  setTimer(fn: () => void, delayMs: number, options?: { readonly background?: boolean }): Timer {
    const pending: Pending = {
      at: this.#now + Math.max(0, delayMs),
      fn,
      background: options?.background === true,
      order: this.#order++,
    };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** How many timers are set: after a `close()` none should be (E4). */
  get timers(): number {
    return this.#pending.size;
  }

  /** How many of them would keep a process alive. */
  get foregroundTimers(): number {
    let count = 0;
    for (const pending of this.#pending) if (!pending.background) count++;
    return count;
  }

  /** When the next timer is due, on `now()`; undefined where none is set. */
  get nextAt(): number | undefined {
    return this.#next()?.at;
  }

  /**
   * Turns both clocks on by `ms` and fires, synchronously and in order of time, all that falls due, timers set on the way
   * included; each sees its own instant as `now()`. What a timer throws reaches the caller; the clock then stands at that
   * timer's instant.
   *
   * Promises move only between turns: use {@link tick} where a timer's work goes on behind an `await`.
   * @throws InvalidArgumentError for a negative or infinite `ms`.
   */
  advance(ms: number): void {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      throw new InvalidArgumentError(`a clock is turned on by 0 ms or more, got ${ms}`);
    }
    const end = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) this.#fire(next);
    this.#turnTo(end);
  }

  /** As {@link advance}, but lets promises and `setImmediate` run before the first timer, after each, and at the end. */
  async tick(ms = 0): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      throw new InvalidArgumentError(`a clock is turned on by 0 ms or more, got ${ms}`);
    }
    const end = this.#now + ms;
    await settled();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#fire(next);
      await settled();
    }
    this.#turnTo(Math.max(end, this.#now));
  }

  /** Sets the wall clock alone, as an operator or NTP would: `now()` and timers take no notice. */
  setWallNow(wallNow: number): void {
    this.#wallNow = wallNow;
  }

  #next(): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) {
      if (first === undefined || pending.at < first.at || (pending.at === first.at && pending.order < first.order)) {
        first = pending;
      }
    }
    return first;
  }

  #fire(pending: Pending): void {
    this.#pending.delete(pending);
    this.#turnTo(Math.max(pending.at, this.#now));
    pending.fn();
  }

  #turnTo(now: number): void {
    this.#wallNow += now - this.#now;
    this.#now = now;
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
