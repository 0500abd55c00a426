import { expect, test } from "vitest";
import { systemClock } from "../src/host.js";

test("a timer is never early, not by a fraction of a millisecond", async () => {
  const delays = Array.from({ length: 40 }, (_, index) => 1 + index * 0.37);
  const early = await Promise.all(
    delays.map(
      (delayMs) =>
        new Promise<number>((resolve) => {
          const dueAt = systemClock.now() + delayMs;
          systemClock.setTimer(() => resolve(dueAt - systemClock.now()), delayMs);
        }),
    ),
  );
  expect(early.filter((earlyMs) => earlyMs > 0)).toEqual([]);
});

test("the longest delay is a long one, and a cancelled timer does not fire", () => {
  let fired = 0;
  const timer = systemClock.setTimer(() => {
    fired += 1;
  }, 2 ** 31 - 1);
  timer.cancel();
  expect(fired).toBe(0);
});
