/** Repeats of what certainly did not run (B12): asked for by the application, never on by itself. */
import { type AbortError, InvalidArgumentError, MessagingError } from "../errors.js";
import type { TransportCore } from "../transport-core.js";
import { abortError } from "../transport-core.js";

/** How an operation is repeated that failed with an error that is `retryable`: nothing ran (B12). Always within the deadline. */
export interface RetryPolicy {
  /** How often to try again after the first time: 1 or more. The deadline bounds it all the same. */
  readonly attempts: number;
  /** The longest pause before the first repeat; it doubles, with full jitter. @default 50 */
  readonly baseDelayMs?: number;
  /** @default 2 000 */
  readonly maxDelayMs?: number;
}

/** @throws InvalidArgumentError */
export function resolveRetry(raw: RetryPolicy | undefined): Required<RetryPolicy> | undefined {
  if (raw === undefined || raw.attempts === 0) return undefined;
  const resolved = { baseDelayMs: 50, maxDelayMs: 2_000, ...raw };
  const problems: string[] = [];
  if (!(resolved.attempts >= 1)) problems.push(`attempts must be a number of 0 or more, got ${resolved.attempts}`);
  if (!(resolved.baseDelayMs >= 1)) problems.push(`baseDelayMs must be 1 or more, got ${resolved.baseDelayMs}`);
  if (!(resolved.maxDelayMs >= resolved.baseDelayMs)) problems.push("maxDelayMs must be at least baseDelayMs");
  if (problems.length > 0) throw new InvalidArgumentError(`retry: ${problems.join("; ")}`);
  return resolved;
}

/** Runs `attempt` until it succeeds, fails with something that may have run, or the attempts or the time are used up. */
export async function withRetries<Result>(
  core: TransportCore,
  policy: Required<RetryPolicy>,
  deadline: number,
  signal: AbortSignal | undefined,
  attempt: (timeoutMs: number) => Promise<Result>,
): Promise<Result> {
  for (let failed = 0; ; failed += 1) {
    try {
      return await attempt(Math.max(1, deadline - core.clock.now()));
    } catch (error) {
      const canRepeat = error instanceof MessagingError && error.retryable && failed < policy.attempts;
      if (!canRepeat) throw error;
      const pauseMs = core.random() * Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** failed);
      if (core.clock.now() + pauseMs >= deadline) throw error;
      await pause(core, pauseMs, signal);
    }
  }
}

function pause(core: TransportCore, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise<void>((resolve, reject: (error: AbortError) => void) => {
    const onAbort = (): void => {
      timer.cancel();
      if (signal !== undefined) reject(abortError(signal));
    };
    const timer = core.clock.setTimer(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}
