import type { Clock, Timer } from "@trunkline/core/driver";

/** The longest pause before what the broker refused for want of room is offered again. */
const LONGEST_PAUSE_MS = 1_000;
const FIRST_PAUSE_MS = 20;

/** One message that is offered to the broker again after growing pauses. */
export class Repeats {
  readonly #clock: Clock;
  readonly #random: () => number;
  #count = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** True while it waits for its next turn. */
  get isPausing(): boolean {
    return this.#timer !== undefined;
  }

  /** How often it was offered again. */
  get count(): number {
    return this.#count;
  }

  after(again: () => void): void {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#count);
    this.#count += 1;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        again();
      },
      longest * (0.5 + this.#random() / 2),
    );
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
