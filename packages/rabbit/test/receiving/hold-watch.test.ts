import { ManualClock } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { HoldWatch, type Watched } from "../../src/receiving/hold-watch.js";

/** A watch on an hour that the broker allows: half of it is the limit. */
function watched(allowedMs = 3_600_000): {
  readonly clock: ManualClock;
  readonly held: Set<Watched>;
  readonly overdue: Watched[];
  readonly watch: HoldWatch<Watched>;
  hold(): Watched;
} {
  const clock = new ManualClock();
  const held = new Set<Watched>();
  const overdue: Watched[] = [];
  const watch = new HoldWatch<Watched>(clock, allowedMs, held, (one) => {
    overdue.push(one);
    held.delete(one);
  });
  const hold = (): Watched => {
    const one = { since: clock.now() };
    held.add(one);
    return one;
  };
  return { clock, held, overdue, watch, hold };
}

const MINUTE = 60_000;

test("what has been in hand for half of the time is found, once, and long before the end", () => {
  const { clock, overdue, hold } = watched();
  const first = hold();
  clock.advance(29 * MINUTE);
  expect(overdue).toEqual([]);
  clock.advance(8.5 * MINUTE);
  expect(overdue).toEqual([first]);
  clock.advance(600 * MINUTE);
  expect(overdue).toEqual([first]);
});

test("what was settled in time is not", () => {
  const { clock, held, overdue, hold } = watched();
  const first = hold();
  clock.advance(20 * MINUTE);
  const second = hold();
  held.delete(first);
  clock.advance(20 * MINUTE);
  expect(overdue).toEqual([]);
  clock.advance(20 * MINUTE);
  expect(overdue).toEqual([second]);
});

test("all that is overdue is found at once, in the order of arrival, and the rest left", () => {
  const { clock, held, overdue, hold } = watched();
  const old = [hold(), hold(), hold()];
  clock.advance(29 * MINUTE);
  const young = hold();
  clock.advance(1 * MINUTE);
  expect(overdue).toEqual(old);
  expect([...held]).toEqual([young]);
});

test("without a limit nothing is watched; closed it watches no more, and it keeps no process alive", () => {
  expect(watched(0).clock.timers).toBe(0);
  const { clock, watch, overdue, hold } = watched();
  hold();
  expect([clock.timers, clock.foregroundTimers]).toEqual([1, 0]);
  watch.close();
  clock.advance(600 * MINUTE);
  expect([clock.timers, overdue]).toEqual([0, []]);
});
