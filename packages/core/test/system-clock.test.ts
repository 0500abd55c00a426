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

test("the longest delay is a long one: a timer that is set afterwards fires before it", async () => {
  const order: string[] = [];
  const longest = systemClock.setTimer(() => order.push("longest"), 2 ** 31 - 1);
  await new Promise<void>((resolve) => {
    systemClock.setTimer(() => {
      order.push("short");
      resolve();
    }, 5);
  });
  longest.cancel();
  expect(order).toEqual(["short"]);
});
