import type { Clock } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { LoopWatch } from "../../src/connection/loop-watch.js";

/** A watch on a clock whose timers can come late. */
function watched(heartbeatMs: number): {
  readonly clock: ManualClock;
  readonly warnings: string[];
  readonly watch: LoopWatch;
  block(ms: number): void;
} {
  const clock = new ManualClock();
  let blockedMs = 0;
  const late: Clock = {
    now: () => clock.now() + blockedMs,
    wallNow: () => clock.wallNow(),
    setTimer: (fn, delayMs, options) => clock.setTimer(fn, delayMs, options),
  };
  const warnings: string[] = [];
  const watch = new LoopWatch(late, heartbeatMs, (message) => warnings.push(message));
  const block = (ms: number): void => {
    blockedMs += ms;
  };
  return { clock, warnings, watch, block };
}

test("as long as the loop turns nothing is said", () => {
  const { clock, warnings } = watched(10_000);
  clock.advance(120_000);
  expect(warnings).toEqual([]);
});

test("half of a heartbeat late is told once, with how long it was and what to do", () => {
  const { clock, warnings, block } = watched(10_000);
  clock.advance(2_000);
  block(4_999);
  clock.advance(10_000);
  expect(warnings).toEqual([]);
  block(5_000);
  clock.advance(60_000);
  expect(warnings).toEqual([
    "the event loop was blocked for 5000 ms, with heartbeats of 10000 ms: rabbit ends a connection that misses two; move long work to a worker thread",
  ]);
  block(12_345.6);
  clock.advance(60_000);
  expect(warnings).toHaveLength(2);
  expect(warnings[1]).toContain("blocked for 12346 ms");
});

test("without heartbeats nothing is watched, and closed it keeps nothing alive", () => {
  expect(watched(0).clock.timers).toBe(0);
  const { clock, watch, warnings, block } = watched(10_000);
  expect([clock.timers, clock.foregroundTimers]).toEqual([1, 0]);
  watch.close();
  expect(clock.timers).toBe(0);
  block(60_000);
  clock.advance(60_000);
  expect(warnings).toEqual([]);
});
