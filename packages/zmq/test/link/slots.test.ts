import fc from "fast-check";
import { expect, test } from "vitest";
import { SlotTable } from "../../src/link/slots.js";

test("slots are dense, and the one freed last is taken first", () => {
  const table = new SlotTable<string>();
  expect([table.take("a"), table.take("b"), table.take("c")]).toEqual([0, 1, 2]);
  table.release(0);
  table.release(2);
  expect([table.take("d"), table.take("e"), table.take("f")]).toEqual([2, 0, 3]);
  expect(table.size).toBe(4);
});

test("a slot's next use has another generation, so that a late answer finds nothing", () => {
  const table = new SlotTable<string>();
  const slot = table.take("first");
  const generation = table.generation(slot);
  table.release(slot);
  expect(table.find(slot, generation)).toBeUndefined();
  expect(table.take("second")).toBe(slot);
  expect(table.find(slot, generation)).toBeUndefined();
  expect(table.find(slot, table.generation(slot))).toBe("second");
});

test("invented slots and generations find nothing, and releasing them does nothing", () => {
  const table = new SlotTable<string>();
  table.take("a");
  for (const [slot, generation] of [
    [1, 0],
    [0, 1],
    [2 ** 40, 0],
    [-1, 0],
    [0.5, 0],
    [0, -1],
  ] as const) {
    expect(table.find(slot, generation)).toBeUndefined();
  }
  table.release(7);
  table.release(0);
  table.release(0);
  expect([table.size, table.take("b"), table.take("c")]).toEqual([0, 0, 1]);
});

test("it is a map of the pairs in use, whatever the order of taking and releasing", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 200 }), (steps) => {
      const table = new SlotTable<number>();
      const live = new Map<number, { readonly generation: number; readonly entry: number }>();
      const dead: [number, number][] = [];
      let most = 0;
      for (const [entry, released] of steps.entries()) {
        if (released === undefined) {
          const slot = table.take(entry);
          expect(live.has(slot)).toBe(false);
          live.set(slot, { generation: table.generation(slot), entry });
          most = Math.max(most, live.size);
          expect(slot).toBeLessThan(most);
        } else {
          const former = live.get(released);
          if (former !== undefined) dead.push([released, former.generation]);
          live.delete(released);
          table.release(released);
        }
      }
      expect(table.size).toBe(live.size);
      for (const [slot, { generation, entry }] of live) expect(table.find(slot, generation)).toBe(entry);
      for (const [slot, generation] of dead) expect(table.find(slot, generation)).toBeUndefined();
      expect(table.drain()).toEqual([...live].sort(([a], [b]) => a - b).map(([, { entry }]) => entry));
      expect(table.size).toBe(0);
    }),
  );
});

test("draining frees the slots for other generations", () => {
  const table = new SlotTable<string>();
  const slot = table.take("a");
  const generation = table.generation(slot);
  table.drain();
  expect(table.find(slot, generation)).toBeUndefined();
  expect(table.take("b")).toBe(slot);
  expect(table.find(slot, generation)).toBeUndefined();
});
