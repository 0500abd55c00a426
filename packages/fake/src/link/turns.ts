// The builtin's own bindings, so that a test runner's fake timers cannot stall the links.
import { clearImmediate, setImmediate } from "node:timers";

/** How many times the links of one bus may run within one turn of the event loop. */
const RUNS_PER_TURN = 256;

/**
 * When frames without a delay arrive: in a microtask, so that a whole exchange is over within one turn, but for so many only.
 * Peers that answer each other without end must not keep timers and I/O from running.
 */
export class Turns {
  #left: number = RUNS_PER_TURN;
  #reset: NodeJS.Immediate | undefined;

  /** Runs `fn` soon, never at once. Returns what takes that back. */
  soon(fn: () => void): () => void {
    if (this.#left === 0) {
      const immediate = setImmediate(fn);
      return () => clearImmediate(immediate);
    }
    this.#left -= 1;
    this.#reset ??= setImmediate(() => {
      this.#reset = undefined;
      this.#left = RUNS_PER_TURN;
    });
    let isWanted = true;
    queueMicrotask(() => {
      if (isWanted) fn();
    });
    return () => {
      isWanted = false;
    };
  }
}
