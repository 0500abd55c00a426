/** What a message that arrived says of its time (B6). */
export interface Times {
  /** What was left when it was sent: our header. */
  readonly timeoutMs?: number | undefined;
  /** When that was, by the sender's clock: our header. */
  readonly sentAtMs?: number | undefined;
  /** The AMQP property, milliseconds as text: all that a Python client sends. */
  readonly expiration?: unknown;
}

/** The broker refuses a message that is to expire too late, and ends its channel; this it always takes. */
const LONGEST_EXPIRATION_MS = 2 ** 32 - 1;

/** The AMQP property for what is left of a call's time, in milliseconds. */
export function expirationOf(leftMs: number): number {
  return Math.min(LONGEST_EXPIRATION_MS, Math.max(0, Math.floor(leftMs)));
}

/** Up to the longest time that is an exact number. */
const WRITTEN_MS = /^\d{1,15}$/;

/**
 * How much of a call's time is left at arrival, in milliseconds; not above 0 where it is over, undefined where it has no end.
 *
 * The time on the way counts where the two clocks allow: not below 0, and not more than the whole time by more than
 * `clockToleranceMs`. A send time beyond that, or in the future, is that of a wrong clock; all of the time then counts from
 * arrival, as it does for a Python client's, whose messages have no send time.
 *
 * @param wallNow this side's UTC clock.
 */
export function remainingMs(times: Times, wallNow: number, clockToleranceMs: number): number | undefined {
  const { timeoutMs, sentAtMs, expiration } = times;
  if (timeoutMs === undefined) {
    return typeof expiration === "string" && WRITTEN_MS.test(expiration) ? Number(expiration) : undefined;
  }
  if (sentAtMs === undefined) return timeoutMs;
  const elapsedMs = Math.max(0, wallNow - sentAtMs);
  return elapsedMs <= timeoutMs + clockToleranceMs ? timeoutMs - elapsedMs : timeoutMs;
}
