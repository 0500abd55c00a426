/**
 * Every deadline of a transport's calls and sends, in one table swept by one timer.
 *
 * An entry costs two writes and no timer of its own; the price is that it may fire late by the sweep's period (20 ms, or an
 * eighth of the shortest timeout in the table). Never early.
 */
import type { Clock, Timer } from "./host.js";

export interface Expiring {
  /** On the clock's `now()`; may move while the entry is in the table (call monitoring). */
  until: number;
  /** The table's; -1 while the entry is not in one. */
  slot: number;
  /** Called once, after the entry was removed. */
  expire(): void;
  /** Called once, after the entry was removed, when the transport closes. */
  abandon(): void;
}

const LONGEST_PERIOD_MS = 20;

export class DeadlineTable {
  readonly #clock: Clock;
  readonly #slots: (Expiring | undefined)[] = [];
  readonly #free: number[] = [];
  #count = 0;
  #timer: Timer | undefined;
  /** When the armed timer fires. */
  #sweepAt = 0;
  /** Of the sweeps to come; falls with short timeouts, and rises again when the table has emptied. */
  #periodMs: number = LONGEST_PERIOD_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#count;
  }

  /** @param now the clock's, as the caller read it when it worked out `until`. */
  add(entry: Expiring, now: number): void {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = entry;
    entry.slot = slot;
    this.#count += 1;
    const period = (entry.until - now) / 8;
    if (period < this.#periodMs) this.#periodMs = Math.max(1, period);
    if (this.#timer === undefined || now + this.#periodMs < this.#sweepAt) this.#arm(now);
  }

  remove(entry: Expiring): void {
    const slot = entry.slot;
    if (slot < 0 || this.#slots[slot] !== entry) return;
    this.#slots[slot] = undefined;
    entry.slot = -1;
    this.#free.push(slot);
    this.#count -= 1;
  }

  /** Gives up everything that is left, as the transport closes. */
  abandonAll(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const entry of this.#slots.filter((slot) => slot !== undefined)) {
      this.remove(entry);
      entry.abandon();
    }
  }

  #arm(now: number): void {
    this.#timer?.cancel();
    this.#sweepAt = now + this.#periodMs;
    this.#timer = this.#clock.setTimer(() => this.#sweep(), this.#periodMs);
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      const entry = this.#slots[slot];
      if (entry === undefined || entry.until > now) continue;
      this.remove(entry);
      entry.expire();
    }
    if (this.#count > 0) {
      if (this.#timer === undefined) this.#arm(now);
      return;
    }
    this.#periodMs = LONGEST_PERIOD_MS;
    this.#slots.length = 0;
    this.#free.length = 0;
  }
}
