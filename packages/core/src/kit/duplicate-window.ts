import { InvalidArgumentError } from "../errors.js";
import type { Clock } from "../host.js";

/** The manifest's `duplicateWindow`: how many ids are remembered, and for how long. */
export interface DuplicateWindowOptions {
  /** At least 1. @default 10 000 */
  readonly ids?: number;
  /** Above 0. @default 300 000 (5 minutes) */
  readonly ms?: number;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Remembers the ids of what was taken, so that a message which comes again is known (B10).
 *
 * Constant time for each id, and no timer: what has expired is let go as new ids come. An id seen again keeps the time at
 * which it was first seen.
 */
export class DuplicateWindow {
  readonly #ids: number;
  readonly #ms: number;
  readonly #clock: Pick<Clock, "now">;
  /** The number under which an id was put; number `n` lies at `n % ids` of the ring. */
  readonly #seen: Map<string, number> = new Map();
  // A ring beside the map: a Map whose oldest entries are deleted steps over their empty places each time it is iterated.
  readonly #ring: string[] = [];
  readonly #times: number[] = [];
  #first = 0;
  #next = 0;

  /** @throws InvalidArgumentError for a bound outside those documented. */
  constructor(options: DuplicateWindowOptions) {
    this.#ids = options.ids ?? 10_000;
    this.#ms = options.ms ?? 300_000;
    this.#clock = options.clock;
    if (!(Number.isInteger(this.#ids) && this.#ids >= 1)) {
      throw new InvalidArgumentError(`duplicate window: ids must be a whole number >= 1, got ${this.#ids}`);
    }
    if (!(this.#ms > 0)) throw new InvalidArgumentError(`duplicate window: ms must be > 0, got ${this.#ms}`);
  }

  /** How many ids are held, expired ones that were not yet let go included. */
  get size(): number {
    return this.#seen.size;
  }

  /** True the first time an id comes within the window, and remembers it; false for a duplicate. */
  isNew(id: string): boolean {
    const now = this.#clock.now();
    // Each id is let go once: over all, one step for each that was put.
    while (this.#first < this.#next && this.#isExpired(this.#first, now)) this.#letGoFirst();
    if (this.#seen.has(id)) return false;
    if (this.#next - this.#first >= this.#ids) this.#letGoFirst();
    const slot = this.#next % this.#ids;
    this.#ring[slot] = id;
    this.#times[slot] = now;
    this.#seen.set(id, this.#next++);
    return true;
  }

  /** True where the id would be a duplicate; changes nothing. */
  has(id: string): boolean {
    const number = this.#seen.get(id);
    return number !== undefined && !this.#isExpired(number, this.#clock.now());
  }

  /** Lets an id come again: what was handed back was never run. Its place is free again once its turn has come. */
  forget(id: string): void {
    this.#seen.delete(id);
  }

  #isExpired(number: number, now: number): boolean {
    return now - (this.#times[number % this.#ids] ?? 0) >= this.#ms;
  }

  #letGoFirst(): void {
    const number = this.#first++;
    const id = this.#ring[number % this.#ids] ?? "";
    // One that was forgotten may have come again, under a later number.
    if (this.#seen.get(id) === number) this.#seen.delete(id);
  }
}
