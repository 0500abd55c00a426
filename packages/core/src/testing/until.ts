/** How long {@link until} waits, and how it names what it waits for. */
export interface UntilOptions {
  /** The deadline, in ms of real time. @default 5 000 */
  readonly withinMs?: number;
  /** What is waited for, for the error: "the link to be open". @default the fact's own text */
  readonly what?: string;
}

/**
 * Waits for a fact: resolves with what `fact` gives as soon as that is neither false, undefined nor null.
 *
 * The fact is asked at once, on the next turns of the event loop, and then every few ms. One that throws (a failed assertion,
 * say) or rejects is not yet so; the last such error is the cause of the timeout.
 * @throws Error that says what was waited for, at the deadline.
 */
export async function until<T>(
  fact: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | undefined | null>> {
  const withinMs = options.withinMs ?? 5_000;
  const deadline = performance.now() + withinMs;
  let lastError: unknown;
  for (let asked = 0; ; asked++) {
    try {
      const answer = await fact();
      lastError = undefined;
      // The three that mean "not yet" are gone from the type with this test.
      if (answer !== false && answer !== undefined && answer !== null)
        return answer as Exclude<T, false | undefined | null>;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) break;
    await pause(asked);
  }
  const what = options.what ?? fact.toString().replace(/^\(\)\s*=>\s*/, "");
  throw new Error(`not so within ${withinMs} ms: ${what}`, lastError === undefined ? undefined : { cause: lastError });
}

function pause(asked: number): Promise<void> {
  return new Promise((resolve) => {
    if (asked < 10) setImmediate(resolve);
    else setTimeout(resolve, Math.min(asked - 9, 10));
  });
}
