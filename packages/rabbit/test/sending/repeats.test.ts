import { ManualClock } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { Repeats } from "../../src/sending/repeats.js";

/** When each of so many pauses ended. */
function pauses(random: () => number, times: number): number[] {
  const clock = new ManualClock();
  const repeats = new Repeats(clock, random);
  return Array.from({ length: times }, () => {
    const before = clock.now();
    let after = Number.NaN;
    repeats.after(() => {
      after = clock.now();
    });
    clock.advance(5_000);
    return after - before;
  });
}

test("pauses double up to a second, with half of each at random", () => {
  expect(pauses(() => 1, 8)).toEqual([20, 40, 80, 160, 320, 640, 1_000, 1_000]);
  expect(pauses(() => 0, 8)).toEqual([10, 20, 40, 80, 160, 320, 500, 500]);
  expect(pauses(() => 1, 2_000).at(-1)).toBe(1_000);
});

test("it pauses until its turn", () => {
  const clock = new ManualClock();
  const repeats = new Repeats(clock, () => 1);
  expect(repeats.isPausing).toBe(false);
  let wasPausing: boolean | undefined;
  repeats.after(() => {
    wasPausing = repeats.isPausing;
  });
  expect(repeats.isPausing).toBe(true);
  clock.advance(20);
  expect([wasPausing, repeats.isPausing]).toEqual([false, false]);
});

test("cancelled, its turn never comes", () => {
  const clock = new ManualClock();
  const repeats = new Repeats(clock, () => 1);
  repeats.cancel();
  repeats.after(() => expect.unreachable());
  repeats.cancel();
  expect([repeats.isPausing, clock.timers]).toEqual([false, 0]);
  clock.advance(5_000);
});
