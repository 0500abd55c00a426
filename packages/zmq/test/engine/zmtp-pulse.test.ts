import fc from "fast-check";
import { expect, test } from "vitest";
import { Pulse } from "../../src/engine/zmtp-pulse.js";

const TIMES = { heartbeatMs: 100, heartbeatTimeoutMs: 300 };

test("a quiet connection is probed each heartbeat, and in doubt when a probe is old", () => {
  const pulse = new Pulse(TIMES, true, 0);
  expect([50, 100, 150, 200, 300, 399].map((now) => pulse.beat(now, 0, 0))).toEqual([
    "nothing",
    "ping",
    "nothing",
    "ping",
    "ping",
    "nothing",
  ]);
  expect(pulse.beat(400, 0, 0)).toBe("doubt");
  // What came meanwhile was read: the time begins anew.
  expect(pulse.beat(401, 1, 0)).toBe("ping");
  expect(pulse.beat(700, 1, 0)).toBe("ping");
  expect(pulse.beat(701, 1, 0)).toBe("doubt");
});

test("where both sides speak nothing is asked, and where one does the other is still told that this one lives", () => {
  const pulse = new Pulse(TIMES, true, 0);
  expect(pulse.beat(100, 1, 1)).toBe("nothing");
  expect(pulse.beat(200, 2, 2)).toBe("nothing");
  expect(pulse.beat(300, 3, 2)).toBe("ping");
  expect(pulse.beat(400, 3, 9)).toBe("ping");
});

test("a process that hung for long itself asks first", () => {
  const pulse = new Pulse(TIMES, true, 0);
  expect(pulse.beat(100, 1, 1)).toBe("nothing");
  expect(pulse.beat(60_000, 1, 1)).toBe("ping");
  expect(pulse.beat(60_200, 1, 2)).toBe("ping");
  expect(pulse.beat(60_300, 1, 3)).toBe("doubt");
});

test("a peer that told a time to live is in doubt after that", () => {
  const pulse = new Pulse({ heartbeatMs: 10_000, heartbeatTimeoutMs: 30_000 }, true, 0);
  pulse.ttlMs = 500;
  expect(pulse.beat(499, 0, 0)).toBe("nothing");
  expect(pulse.beat(500, 0, 0)).toBe("doubt");
});

test("a peer that knows no PING is never asked, nor doubted", () => {
  const pulse = new Pulse(TIMES, false, 0);
  expect([100, 500, 60_000].map((now) => pulse.beat(now, 0, 0))).toEqual(["nothing", "nothing", "nothing"]);
});

test("whoever answers each probe within its time is never in doubt", () => {
  const steps = fc.array(fc.record({ passes: fc.integer({ min: 1, max: 250 }), answers: fc.boolean() }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const pulse = new Pulse(TIMES, true, 0);
      let now = 0;
      let reads = 0;
      let asked: number | undefined;
      for (const { passes, answers } of list) {
        now += passes;
        const isDue = asked !== undefined && now - asked >= TIMES.heartbeatTimeoutMs;
        if (asked !== undefined && (answers || isDue)) {
          reads++;
          asked = undefined;
        }
        const beat = pulse.beat(now, reads, 0);
        expect(beat).not.toBe("doubt");
        if (beat === "ping") asked ??= now;
      }
    }),
  );
});
