import type { Operation } from "./program.js";

/** How much work shrinking may be. */
export interface ShrinkBounds {
  /** How many programs are tried. */
  readonly runs: number;
  /** After which no other is begun, in milliseconds. */
  readonly ms: number;
}

/** A program that still fails, and what was tried for it. */
export interface Shrunk {
  readonly program: readonly Operation[];
  readonly runs: number;
}

/**
 * A shorter program that fails as well: whole parts of it are left out, then single operations, then repetitions.
 *
 * @param fails runs a program, and says whether it failed
 */
export async function shrinkProgram(
  program: readonly Operation[],
  fails: (program: readonly Operation[]) => Promise<boolean>,
  bounds: ShrinkBounds,
): Promise<Shrunk> {
  const endAt = performance.now() + bounds.ms;
  let best = program;
  let runs = 0;
  const mayTry = (): boolean => runs < bounds.runs && performance.now() < endAt;
  const tries = async (candidate: readonly Operation[]): Promise<boolean> => {
    runs++;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  let isBetter = true;
  while (isBetter && mayTry()) {
    const before = best;
    for (let size = Math.ceil(best.length / 2); size >= 1 && mayTry(); size = Math.floor(size / 2)) {
      // From the end: what comes first is mostly what the rest needs.
      for (let end = best.length; end > 0 && mayTry(); end -= size) {
        const start = Math.max(0, end - size);
        if (best.length > 1) await tries([...best.slice(0, start), ...best.slice(end)]);
      }
    }
    for (let index = 0; index < best.length && mayTry(); index++) {
      for (let fewer = fewerTimes(best[index]); fewer !== undefined && mayTry(); fewer = fewerTimes(best[index])) {
        if (!(await tries(best.with(index, fewer)))) break;
      }
    }
    isBetter = best !== before;
  }
  return { program: best, runs };
}

function fewerTimes(operation: Operation | undefined): Operation | undefined {
  if (operation === undefined || !("times" in operation) || operation.times <= 1) return undefined;
  return { ...operation, times: Math.floor(operation.times / 2) };
}
