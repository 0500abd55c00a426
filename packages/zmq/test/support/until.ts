import { setImmediate as turn } from "node:timers/promises";

/** Waits for a fact, a turn of the loop at a time. */
export async function until(fact: () => boolean, what: string | (() => string), deadlineMs = 5_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!fact()) {
    if (performance.now() > deadline) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await turn();
  }
}
