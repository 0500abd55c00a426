import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ZmtpDeadline } from "../../src/engine/zmtp-deadline.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A deadline of 100 ms, and when it was over, to ten milliseconds: a turn takes time too. */
function deadline(heard: () => number): { readonly over: number[]; clear(): void } {
  const over: number[] = [];
  const made = new ZmtpDeadline(100, heard, () => over.push(Math.floor((Date.now() - began) / 10) * 10));
  return { over, clear: () => made.clear() };
}

let began = 0;
beforeEach(() => {
  began = Date.now();
});

test("it is over after its time where nothing came", () => {
  const { over } = deadline(() => 0);
  vi.advanceTimersByTime(99);
  expect(over).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(over).toEqual([100]);
  expect(vi.getTimerCount()).toBe(0);
});

test("what is read in the turn behind it prolongs it once, and no second time", () => {
  let heard = 0;
  const { over } = deadline(() => heard++);
  vi.advanceTimersByTime(150);
  expect(over).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(over).toEqual([200]);
});

test("what came before it was due does not", () => {
  let heard = 0;
  const { over } = deadline(() => heard);
  vi.advanceTimersByTime(50);
  heard++;
  vi.advanceTimersByTime(1_000);
  expect(over).toEqual([100]);
});

test("cleared, it is never over, not even in the turn in which it is due", () => {
  const first = deadline(() => 0);
  first.clear();
  let second: ReturnType<typeof deadline> | undefined;
  second = deadline(() => {
    second?.clear();
    return 0;
  });
  vi.advanceTimersByTime(1_000);
  expect([first.over, second.over]).toEqual([[], []]);
  expect(vi.getTimerCount()).toBe(0);
});
