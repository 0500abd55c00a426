import fc from "fast-check";
import { expect, test } from "vitest";
import { deferred, ManualClock, until } from "../../src/testing.js";

test("timers fire in order of time, then of setting, each at its own instant", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(40)), (delays, turns) => {
      const clock = new ManualClock({ now: 7 });
      const fired: { index: number; at: number }[] = [];
      delays.forEach((delay, index) => {
        clock.setTimer(() => fired.push({ index, at: clock.now() }), delay);
      });
      for (const turn of turns) clock.advance(turn);
      const end = clock.now();
      const expected = delays
        .map((delay, index) => ({ index, at: 7 + delay }))
        .filter(({ at }) => at <= end && turns.length > 0)
        .sort((a, b) => a.at - b.at || a.index - b.index);
      expect(fired).toStrictEqual(expected);
      expect(clock.timers).toBe(delays.length - fired.length);
      expect(end).toBe(7 + turns.reduce((sum, turn) => sum + turn, 0));
    }),
  );
});

test("a timer set by a timer fires in the same turn where it is due", () => {
  const clock = new ManualClock();
  const seen: number[] = [];
  clock.setTimer(() => {
    seen.push(clock.now());
    clock.setTimer(() => seen.push(clock.now()), 5);
    clock.setTimer(() => seen.push(clock.now()), 100);
  }, 10);
  clock.advance(20);
  expect(seen).toStrictEqual([10, 15]);
  expect(clock.nextAt).toBe(110);
});

test("a cancelled timer stays silent, and both clocks move together", () => {
  const clock = new ManualClock({ wallNow: 1000 });
  const timer = clock.setTimer(() => expect.unreachable(), 5);
  clock.setTimer(() => undefined, 50, { background: true });
  expect([clock.timers, clock.foregroundTimers]).toStrictEqual([2, 1]);
  timer.cancel();
  timer.cancel();
  clock.advance(10);
  expect([clock.now(), clock.wallNow(), clock.timers, clock.foregroundTimers]).toStrictEqual([10, 1010, 1, 0]);
  clock.setWallNow(5);
  clock.advance(1);
  expect([clock.now(), clock.wallNow()]).toStrictEqual([11, 6]);
  expect(() => clock.advance(-1)).toThrow(/0 ms or more/);
});

test("tick lets the work behind a timer go on before the next one", async () => {
  const clock = new ManualClock();
  const order: string[] = [];
  const turned = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, ms));
  const work = (async () => {
    await turned(10);
    order.push("one");
    await turned(10);
    order.push("two");
  })();
  clock.setTimer(() => order.push("between"), 15);
  await clock.tick(20);
  await work;
  expect(order).toStrictEqual(["one", "between", "two"]);
  expect(clock.now()).toBe(20);
});

test("until gives the fact, and says what was not so", async () => {
  let asked = 0;
  await expect(until(() => (++asked > 15 ? "here" : undefined))).resolves.toBe("here");
  await expect(until(() => 0)).resolves.toBe(0);
  await expect(until(() => asked < 0, { withinMs: 20 })).rejects.toThrow("not so within 20 ms: asked < 0");
  const failure = new Error("not yet");
  const failing = until(
    () => {
      throw failure;
    },
    { withinMs: 1, what: "the link to be open" },
  );
  await expect(failing).rejects.toThrow(
    expect.objectContaining({ message: "not so within 1 ms: the link to be open", cause: failure }),
  );
});

test("a deferred settles once", async () => {
  const answer = deferred<number>();
  expect(answer.isSettled).toBe(false);
  answer.resolve(1);
  answer.reject(new Error("late"));
  expect(answer.isSettled).toBe(true);
  await expect(answer.promise).resolves.toBe(1);
  const failed = deferred();
  failed.reject(new Error("no"));
  await expect(failed.promise).rejects.toThrow("no");
});
