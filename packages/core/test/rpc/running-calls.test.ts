import fc from "fast-check";
import { expect, test } from "vitest";
import { RunningCalls } from "../../src/rpc/running-calls.js";
import { HandlerCall } from "../../src/rpc/server-call.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

const clock = new ManualClock();

/** A call of which only the signal is used. */
function makeCall(): HandlerCall {
  const delivery = { until: undefined, onCancel: () => {} };
  return new HandlerCall(delivery as never, {} as never, {}, clock);
}

test("whatever comes and goes, exactly those that are left are counted and aborted (property)", () => {
  const step = fc.oneof(fc.constant("add" as const), fc.nat(20));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new RunningCalls();
      const all: HandlerCall[] = [];
      const left: HandlerCall[] = [];
      for (const each of steps) {
        if (each === "add") {
          const call = makeCall();
          all.push(call);
          left.push(call);
          list.add(call);
        } else {
          const [gone] = left.splice(each % Math.max(1, left.length), 1);
          if (gone !== undefined) list.remove(gone);
        }
        expect(list.count).toBe(left.length);
      }
      list.abortAll("over");
      for (const call of all) expect(call.signal.aborted).toBe(left.includes(call));
    }),
  );
});

test("a call that leaves while others are aborted is no end of the list", () => {
  const list = new RunningCalls();
  const calls = [makeCall(), makeCall(), makeCall()];
  for (const call of calls) {
    list.add(call);
    call.signal.addEventListener("abort", () => list.remove(call));
  }
  list.abortAll("over");
  expect(calls.map((call) => call.signal.aborted)).toEqual([true, true, true]);
  expect(list.count).toBe(0);
});
