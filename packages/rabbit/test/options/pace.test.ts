import fc from "fast-check";
import { expect, test } from "vitest";
import { paceOf } from "../../src/options/pace.js";

test("jitter is full, and bounded by the longest wait", () => {
  const most = paceOf({ kind: "jitter", baseDelayMs: 100, maxDelayMs: 2_000 }, () => 1 - 2 ** -53);
  const least = paceOf({ kind: "jitter", baseDelayMs: 100, maxDelayMs: 2_000 }, () => 0);
  const rounds = [1, 2, 3, 4, 5, 6, 100];
  for (const round of rounds) {
    expect(most.delayMs(round)).toBeLessThanOrEqual(2_000);
    expect(least.delayMs(round)).toBeGreaterThanOrEqual(0);
    expect(most.delayMs(round)).toBeGreaterThanOrEqual(least.delayMs(round));
  }
  const delays = rounds.map((round) => most.delayMs(round));
  expect(delays).toEqual(delays.toSorted((a, b) => a - b));
  expect(delays.at(-1)).toBeGreaterThan(1_900);
});

test("steps are oslo.messaging's: the first wait, then ever longer ones, each with a splay", () => {
  const steps = {
    kind: "steps",
    firstDelayMs: 1_000,
    splayMs: 100,
    baseDelayMs: 500,
    stepMs: 2_000,
    maxDelayMs: 5_000,
  } as const;
  const pace = paceOf(steps, () => 0.5);
  expect([0, 1, 2, 3, 4, 50].map((round) => pace.delayMs(round))).toEqual([1_050, 550, 2_550, 4_550, 5_050, 5_050]);
});

test("no round, however late, waits longer than the options say", () => {
  const ms = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(
      fc.record({ firstDelayMs: ms, splayMs: ms, baseDelayMs: ms, stepMs: ms, maxDelayMs: ms }),
      fc.nat(),
      (steps, round) => {
        const delayMs = paceOf({ kind: "steps", ...steps }, Math.random).delayMs(round);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.max(steps.firstDelayMs, steps.maxDelayMs) + steps.splayMs);
      },
    ),
  );
});
