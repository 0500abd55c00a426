import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DropTally } from "../../src/engine/drop-tally.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("the first of each reason is told at once, the others together, and none is lost", () => {
  const told: [string, number][] = [];
  const tally = new DropTally((reason, count) => told.push([reason, count]));
  for (let index = 0; index < 1_000; index += 1) tally.add("noise");
  tally.add("parts");
  expect(told).toEqual([
    ["noise", 1],
    ["parts", 1],
  ]);
  vi.advanceTimersByTime(1_000);
  expect(told.slice(2)).toEqual([["noise", 999]]);
  vi.advanceTimersByTime(10_000);
  expect(told).toHaveLength(3);
  tally.add("noise");
  tally.add("noise");
  tally.add("noise");
  tally.end();
  expect(told.slice(3)).toEqual([
    ["noise", 1],
    ["noise", 2],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});
