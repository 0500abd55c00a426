import { monotonicMs } from "./monotonic-ms.mjs";

/** Counts what was handled, and says when it was so much. */
export class HandledCount {
  #count = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #resolve = () => {};

  add() {
    this.#count += 1;
    if (this.#count >= this.#wanted) this.#resolve(monotonicMs());
  }

  /** Resolves with the time, in ms of the machine's monotonic clock, when `count` are reached. One asks at a time. */
  until(count) {
    return new Promise((resolve) => {
      this.#wanted = count;
      this.#resolve = resolve;
      if (this.#count >= count) resolve(monotonicMs());
    });
  }
}
