import fc from "fast-check";
import { expect, test } from "vitest";
import { Batcher } from "../../src/notify/batch.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

interface Item {
  readonly key: string;
  readonly n: number;
  readonly at: number;
}

test("whatever comes when: every item once, in order, one key a batch, never over size, never later than T", () => {
  const step = fc.oneof(
    fc.record({ key: fc.constantFrom("a", "b", "c") }),
    fc.record({ wait: fc.integer({ min: 1, max: 120 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
      const clock = new ManualClock();
      const batches: (readonly Item[])[] = [];
      const batcher = new Batcher<Item>({
        size,
        timeoutMs: 100,
        clock,
        onBatch: (items) => {
          batches.push(items);
          expect(clock.now() - (items[0]?.at ?? 0)).toBeLessThanOrEqual(100);
          if (items.length < size) expect(clock.now() - (items[0]?.at ?? 0)).toBe(100);
        },
      });
      const added: Item[] = [];
      for (const one of steps) {
        if ("wait" in one) clock.advance(one.wait);
        else {
          const item = { key: one.key, n: added.length, at: clock.now() };
          added.push(item);
          batcher.add(item.key, item);
        }
        expect(clock.timers).toBeLessThanOrEqual(1);
      }
      const rest = batcher.takeAll();
      expect(clock.timers).toBe(0);
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(size);
        expect(new Set(batch.map((item) => item.key)).size).toBe(1);
      }
      for (const key of ["a", "b", "c"]) {
        const seen = [...batches.flat(), ...rest].filter((item) => item.key === key);
        expect(seen).toEqual(added.filter((item) => item.key === key));
      }
    }),
  );
});

test("what is added from within a batch begins another", () => {
  const clock = new ManualClock();
  const batches: (readonly number[])[] = [];
  const batcher: Batcher<number> = new Batcher({
    size: 2,
    timeoutMs: 10,
    clock,
    onBatch: (items) => {
      batches.push(items);
      if (batches.length < 3) for (const item of items) batcher.add("k", item + 10);
    },
  });
  batcher.add("k", 1);
  batcher.add("k", 2);
  expect(batches).toEqual([
    [1, 2],
    [11, 12],
    [21, 22],
  ]);
  expect(clock.timers).toBe(0);
});
