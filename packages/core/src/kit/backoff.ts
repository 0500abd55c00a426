import { InvalidArgumentError } from "../errors.js";

/** How long to wait before the next attempt: exponential, with full jitter, so that many clients do not come back at once. */
export interface BackoffOptions {
  /** The bound of the first wait, in ms; each further attempt doubles it. At least 1. @default 100 */
  readonly baseDelayMs?: number;
  /** The bound of every wait, in ms. At least `baseDelayMs`. @default 30 000 */
  readonly maxDelayMs?: number;
  /** Uniform in [0, 1): the host's `random`. @default Math.random */
  readonly random?: () => number;
}

/**
 * Fills in the defaults.
 * @throws InvalidArgumentError that names every problem.
 */
export function resolveBackoff(raw: BackoffOptions = {}): Readonly<Required<BackoffOptions>> {
  const resolved = {
    baseDelayMs: raw.baseDelayMs ?? 100,
    maxDelayMs: raw.maxDelayMs ?? 30_000,
    random: raw.random ?? Math.random,
  };
  const problems: string[] = [];
  if (!(resolved.baseDelayMs >= 1)) problems.push(`baseDelayMs must be >= 1, got ${resolved.baseDelayMs}`);
  if (!(resolved.maxDelayMs >= resolved.baseDelayMs && resolved.maxDelayMs < Number.POSITIVE_INFINITY)) {
    problems.push(`maxDelayMs must be finite and >= baseDelayMs, got ${resolved.maxDelayMs}`);
  }
  if (problems.length > 0) throw new InvalidArgumentError(`backoff: ${problems.join("; ")}`);
  return Object.freeze(resolved);
}

/**
 * The wait before the attempt that follows `attempt` failed ones (1, 2, 3, …), in whole ms: uniform between 0 and
 * `baseDelayMs * 2^(attempt-1)`, never above `maxDelayMs`.
 */
export function backoffDelayMs(attempt: number, backoff: Readonly<Required<BackoffOptions>>): number {
  const doublings = Math.max(0, attempt - 1);
  // 2^1023 is the last power of two that a double holds: beyond it infinity, which min() bounds as well.
  const bound = Math.min(backoff.maxDelayMs, backoff.baseDelayMs * 2 ** doublings);
  return Math.floor(backoff.random() * bound);
}
