import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffDelayMs, resolveBackoff } from "../../src/kit/backoff.js";

test("waits stay between 0 and a bound that doubles up to the longest", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, baseDelayMs, more, random) => {
        const backoff = resolveBackoff({ baseDelayMs, maxDelayMs: baseDelayMs + more, random: () => random });
        const delay = backoffDelayMs(attempt, backoff);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(Math.min(baseDelayMs + more, baseDelayMs * 2 ** (attempt - 1)));
      },
    ),
  );
});

test("the defaults run from 100 ms to 30 s", () => {
  const backoff = resolveBackoff({ random: () => 0.999999 });
  expect([1, 2, 3, 9, 10, 50, 5000].map((attempt) => backoffDelayMs(attempt, backoff))).toStrictEqual([
    99, 199, 399, 25599, 29999, 29999, 29999,
  ]);
});

test("the jitter is full: the whole span is used", () => {
  const draws = [0, 0.5, 0.99];
  const backoff = resolveBackoff({ random: () => draws.shift() ?? 0 });
  expect([3, 3, 3].map((attempt) => backoffDelayMs(attempt, backoff))).toStrictEqual([0, 200, 396]);
});

test("every problem is told at once", () => {
  expect(() => resolveBackoff({ baseDelayMs: 0, maxDelayMs: -1 })).toThrow(
    "backoff: baseDelayMs must be >= 1, got 0; maxDelayMs must be finite and >= baseDelayMs, got -1",
  );
  expect(() => resolveBackoff({ maxDelayMs: Number.NaN })).toThrow(/maxDelayMs/);
  expect(() => resolveBackoff({ baseDelayMs: Number.NaN })).toThrow(/baseDelayMs/);
});
