import { availableParallelism, loadavg } from "node:os";
import { DEFAULT_TIMING, type Timing } from "./harness.js";

/** However crowded a machine is, bounds become no longer than this many times. */
export const LONGEST_STRETCH = 10;

/** Tasks that run or wait for a core, for each core, over the last minute; 1 where the platform does not tell. */
function crowding(): number {
  const [lastMinute = 0] = loadavg();
  return lastMinute / availableParallelism();
}

/**
 * The timing of a run on a machine that may be busy with something else: the upper bounds are as much longer as each
 * core has tasks to share it, at most {@link LONGEST_STRETCH} times. A driver and its broker that get a quarter of a core
 * need four times as long, and that is no fault of theirs; on a machine of its own nothing is stretched. The most that a
 * case met counts until its end, for what was late stays late.
 */
export class Pace implements Timing {
  readonly quietMs: number;
  readonly waitMs: number;
  readonly idleMs: number;
  readonly #scale: number;
  readonly #crowding: () => number;
  #stretch = 1;
  #longest = 1;

  constructor(timing: Partial<Timing> = {}, measure: () => number = crowding) {
    const { scale, quietMs, waitMs, idleMs } = { ...DEFAULT_TIMING, ...timing };
    this.#scale = scale;
    this.quietMs = quietMs;
    this.waitMs = waitMs;
    this.idleMs = idleMs;
    this.#crowding = measure;
  }

  get scale(): number {
    return this.#scale * this.#stretched();
  }

  /** What `scale` never exceeds. */
  get longestScale(): number {
    return this.#scale * LONGEST_STRETCH;
  }

  /** How many times longer bounds were, at most, in the run so far. */
  get longestStretch(): number {
    return this.#longest;
  }

  /** A case begins: what the one before it met is over. */
  begin(): void {
    this.#stretch = 1;
  }

  #stretched(): number {
    this.#stretch = Math.min(LONGEST_STRETCH, Math.max(this.#stretch, this.#crowding()));
    this.#longest = Math.max(this.#longest, this.#stretch);
    return this.#stretch;
  }
}

/** Rejects with what `error` makes of the bound, once the time since now exceeds what `bound` says by then. */
export function expiry(bound: () => number, error: (ms: number) => Error): { promise: Promise<never>; cancel(): void } {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_, reject) => {
    const look = (): void => {
      const left = bound() - (performance.now() - began);
      if (left <= 0) reject(error(bound()));
      else timer = setTimeout(look, left);
    };
    look();
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
