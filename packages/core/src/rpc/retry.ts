/** Repeats of what certainly did not run (B12): asked for by the application, never on by itself. */
import type { Expiring } from "../deadlines.js";
import { ClosedError, InvalidArgumentError, MessagingError } from "../errors.js";
import { checkMembers, describeGiven } from "../option-checks.js";
import { abortError, type TransportCore } from "../transport-core.js";

/** How an operation is repeated that failed with an error that is `retryable`: nothing ran (B12). Always within the deadline. */
export interface RetryPolicy {
  /** How often to try again after the first time; 0 for never. The deadline bounds it all the same. */
  readonly attempts: number;
  /** The longest pause before the first repeat; it doubles, with full jitter. @default 50 */
  readonly baseDelayMs?: number;
  /** @default 2 000 */
  readonly maxDelayMs?: number;
}

const MEMBERS: readonly (keyof RetryPolicy)[] = ["attempts", "baseDelayMs", "maxDelayMs"];

/** @throws InvalidArgumentError */
export function resolveRetry(raw: RetryPolicy | undefined): Required<RetryPolicy> | undefined {
  if (raw === undefined) return undefined;
  checkMembers("retry", raw, MEMBERS);
  const { attempts, baseDelayMs = 50, maxDelayMs = 2_000 } = raw;
  const problems: string[] = [];
  if (!(Number.isSafeInteger(attempts) && attempts >= 0)) {
    problems.push(`attempts must be a whole number of 0 or more, got ${describeGiven(attempts)}`);
  }
  if (!(baseDelayMs >= 1)) problems.push(`baseDelayMs must be 1 or more, got ${describeGiven(baseDelayMs)}`);
  if (!(maxDelayMs >= baseDelayMs))
    problems.push(`maxDelayMs must be at least baseDelayMs (${baseDelayMs}), got ${describeGiven(maxDelayMs)}`);
  if (problems.length > 0) throw new InvalidArgumentError(`retry: ${problems.join("; ")}`);
  return attempts === 0 ? undefined : { attempts, baseDelayMs, maxDelayMs };
}

/** Runs `attempt` until it succeeds, fails with something that may have run, or the attempts or the time are used up. */
export async function withRetries<Result>(
  core: TransportCore,
  policy: Required<RetryPolicy>,
  deadline: number,
  signal: AbortSignal | undefined,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let failed = 0; ; failed += 1) {
    try {
      return await attempt();
    } catch (error) {
      const canRepeat = error instanceof MessagingError && error.retryable && failed < policy.attempts;
      if (!canRepeat) throw error;
      const pauseMs = core.random() * Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** failed);
      if (core.clock.now() + pauseMs >= deadline) throw error;
      await Pause.of(core, pauseMs, signal);
      // The pause may have been a little longer than asked for.
      if (core.clock.now() >= deadline) throw error;
    }
  }
}

/** The wait before a repeat: ended by its time, by the caller's signal, or by the transport's `close` (E4). */
class Pause implements Expiring {
  readonly until: number;
  slot = -1;
  readonly expire: () => void;
  readonly abandon: () => void;

  private constructor(until: number, expire: () => void, abandon: () => void) {
    this.until = until;
    this.expire = expire;
    this.abandon = abandon;
  }

  static async of(core: TransportCore, pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
    core.checkOpen("try again");
    if (signal?.aborted === true) throw abortError(signal);
    let onAbort = (): void => {};
    const over = new Promise<void>((resolve, reject: (error: MessagingError) => void) => {
      const now = core.clock.now();
      const pause = new Pause(now + pauseMs, resolve, () => {
        reject(new ClosedError("the transport was closed before the message could be sent again; nothing ran"));
      });
      onAbort = () => {
        core.deadlines.remove(pause);
        if (signal !== undefined) reject(abortError(signal));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      core.deadlines.add(pause, now);
    });
    try {
      await over;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
