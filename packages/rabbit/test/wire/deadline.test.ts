import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expirationOf, remainingMs, type Times } from "../../src/wire/deadline.js";

const NOW = 1_764_000_000_000;
const TOLERANCE = 1000;
const remaining = (times: Times): number | undefined => remainingMs(times, NOW, TOLERANCE);
/** Of a call of 5 s that was sent so long ago. */
const after = (elapsedMs: number): number | undefined => remaining({ timeoutMs: 5000, sentAtMs: NOW - elapsedMs });

describe("what is left of a call (B6)", () => {
  test.each([
    ["at once", 0, 5000],
    ["later", 1234.5, 3765.5],
    ["when it is over", 5000, 0],
    ["when it is over for as long as clocks may differ", 6000, -1000],
    ["by a clock that is ahead within the tolerance", -1000, 5000],
  ])("%s", (_, elapsedMs, left) => {
    expect(after(elapsedMs)).toBe(left);
  });

  test.each([
    ["the future", -1000.5],
    ["the far future", -1e12],
    ["longer ago than the call lasts", 6000.5],
    ["1970", NOW],
  ])("a send time of %s is not believed, and all of the time counts from arrival", (_, elapsedMs) => {
    expect(after(elapsedMs)).toBe(5000);
  });

  test("without a send time all of it counts from arrival", () => {
    expect(remaining({ timeoutMs: 5000, expiration: "1" })).toBe(5000);
  });

  test("a time of 0 is over", () => {
    expect(remaining({ timeoutMs: 0 })).toBe(0);
  });
});

describe("without our headers the broker's expiration counts from arrival", () => {
  test.each([
    ["5000", 5000],
    ["0", 0],
    ["999999999999999", 999999999999999],
    ["", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    [" 5", undefined],
    ["5000000000000000000", undefined],
    [5000, undefined],
    [null, undefined],
    [undefined, undefined],
    [{}, undefined],
  ])("%j", (expiration, left) => {
    expect(remaining({ expiration })).toBe(left);
    // A send time alone says nothing.
    expect(remaining({ expiration, sentAtMs: NOW })).toBe(left);
  });
});

test.each([
  [0, 0],
  [0.9, 0],
  [-5, 0],
  [1234.9, 1234],
  [2 ** 32 - 1, 2 ** 32 - 1],
  [2 ** 32, 2 ** 32 - 1],
  [1e300, 2 ** 32 - 1],
])("of %d ms that are left the broker is told %i, as whole ms and as many as it takes", (leftMs, told) => {
  expect(expirationOf(leftMs)).toBe(told);
});

test("nobody gets more than the whole time, nor less than none by more than the tolerance", () => {
  const ms = fc.double({ min: 0, max: 8.64e15, noNaN: true });
  fc.assert(
    fc.property(ms, ms, ms, fc.integer({ min: 0, max: 10_000 }), (timeoutMs, sentAtMs, wallNow, tolerance) => {
      const left = remainingMs({ timeoutMs, sentAtMs }, wallNow, tolerance) ?? Number.NaN;
      expect(left).toBeLessThanOrEqual(timeoutMs);
      expect(left).toBeGreaterThanOrEqual(-tolerance - 1);
    }),
  );
});
