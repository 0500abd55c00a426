import { InvalidArgumentError } from "../errors.js";

/**
 * How many messages may be in hand (B13): some are granted, each in hand uses one, and the rest is available.
 *
 * The limit may fall below what is in hand: then nothing is available until enough came back. Plain counting, no waiting:
 * whoever has messages waiting asks again after a `release`.
 */
export class Credit {
  #granted: number;
  #used = 0;

  /** @throws InvalidArgumentError unless `granted` is a whole number of 0 or more. */
  constructor(granted: number) {
    this.#granted = wholeNumber("granted", granted);
  }

  get granted(): number {
    return this.#granted;
  }

  get used(): number {
    return this.#used;
  }

  /** What may be taken now; never negative. */
  get available(): number {
    return Math.max(0, this.#granted - this.#used);
  }

  /** Sets the limit; what is in hand stays in hand. */
  setGranted(granted: number): void {
    this.#granted = wholeNumber("granted", granted);
  }

  /** Takes one, or says that there is none. */
  take(): boolean {
    if (this.#used >= this.#granted) return false;
    this.#used++;
    return true;
  }

  /** Takes up to `wanted` and returns how many it took: for a prefetch. */
  takeUpTo(wanted: number): number {
    const taken = Math.min(wholeNumber("wanted", wanted), this.available);
    this.#used += taken;
    return taken;
  }

  /**
   * Gives back `count` (1) that were taken.
   * @throws InvalidArgumentError for more than are in hand: a message was settled twice.
   */
  release(count = 1): void {
    if (wholeNumber("count", count) > this.#used) {
      throw new InvalidArgumentError(`credit: ${count} given back with ${this.#used} in hand`);
    }
    this.#used -= count;
  }
}

function wholeNumber(name: string, value: number): number {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw new InvalidArgumentError(`credit: ${name} must be a whole number >= 0, got ${value}`);
  }
  return value;
}
