import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Gate } from "../../src/receiving/gate.js";

function gateOf(credit: number): { readonly gate: Gate<number>; readonly delivered: number[] } {
  const delivered: number[] = [];
  return { gate: new Gate<number>(credit, (item) => delivered.push(item)), delivered };
}

test("nothing passes before it is open", () => {
  const { gate, delivered } = gateOf(2);
  gate.offer(1);
  expect([delivered, gate.waiting, gate.inHand]).toEqual([[], 1, 0]);
  gate.open();
  expect([delivered, gate.waiting, gate.inHand]).toEqual([[1], 0, 1]);
});

test("no more than the credit is in hand, in the order of arrival", () => {
  const { gate, delivered } = gateOf(2);
  gate.open();
  for (const item of [1, 2, 3, 4]) gate.offer(item);
  expect([delivered, gate.waiting, gate.inHand]).toEqual([[1, 2], 2, 2]);
  gate.release();
  expect(delivered).toEqual([1, 2, 3]);
  gate.setCredit(4);
  expect([delivered, gate.inHand]).toEqual([[1, 2, 3, 4], 3]);
});

test("less credit takes nothing back, and lets nothing more through", () => {
  const { gate, delivered } = gateOf(3);
  gate.open();
  for (const item of [1, 2, 3, 4]) gate.offer(item);
  gate.setCredit(1);
  gate.release();
  gate.release();
  expect([delivered, gate.inHand]).toEqual([[1, 2, 3], 1]);
  gate.release();
  expect(delivered).toEqual([1, 2, 3, 4]);
  gate.setCredit(0);
  gate.release();
  gate.offer(5);
  expect([delivered, gate.waiting]).toEqual([[1, 2, 3, 4], 1]);
});

describe("shut", () => {
  test("it returns what waited, and lets nothing through", () => {
    const { gate, delivered } = gateOf(1);
    gate.open();
    for (const item of [1, 2, 3]) gate.offer(item);
    expect(gate.shut()).toEqual([2, 3]);
    gate.release();
    gate.offer(4);
    gate.setCredit(9);
    expect([delivered, gate.waiting]).toEqual([[1], 1]);
    expect(gate.shut()).toEqual([4]);
  });

  test("from within a delivery it ends that very run", () => {
    const delivered: number[] = [];
    let left: number[] = [];
    const gate: Gate<number> = new Gate<number>(9, (item) => {
      delivered.push(item);
      if (item === 2) left = gate.shut();
    });
    for (const item of [1, 2, 3, 4]) gate.offer(item);
    gate.open();
    expect([delivered, left, gate.waiting]).toEqual([[1, 2], [3, 4], 0]);
  });
});

test("a delivery that is settled or offers more within itself keeps the order", () => {
  const delivered: number[] = [];
  const gate: Gate<number> = new Gate<number>(1, (item) => {
    delivered.push(item);
    if (item < 3) gate.offer(item + 10);
    gate.release();
  });
  gate.open();
  for (const item of [1, 2, 3]) gate.offer(item);
  expect(delivered).toEqual([1, 11, 2, 12, 3]);
  expect(gate.inHand).toBe(0);
});

test("any steps keep it to its credit, in order, and lose nothing", () => {
  const step = fc.oneof(fc.constantFrom("offer" as const, "release" as const, "open" as const), fc.nat(5));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { gate, delivered } = gateOf(2);
      let offered = 0;
      let credit = 2;
      let released = 0;
      for (const now of steps) {
        const before = delivered.length;
        if (now === "offer") gate.offer(offered++);
        else if (now === "open") gate.open();
        else if (now === "release" && gate.inHand > 0) {
          released += 1;
          gate.release();
        } else if (typeof now === "number") {
          credit = now;
          gate.setCredit(now);
        }
        if (delivered.length > before) expect(gate.inHand).toBeLessThanOrEqual(credit);
        expect(gate.inHand).toBe(delivered.length - released);
        expect(delivered.length + gate.waiting).toBe(offered);
      }
      gate.open();
      gate.setCredit(1_000);
      expect(delivered).toEqual(Array.from({ length: offered }, (_, index) => index));
    }),
  );
});
