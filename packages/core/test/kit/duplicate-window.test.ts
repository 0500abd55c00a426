import fc from "fast-check";
import { expect, test } from "vitest";
import { DuplicateWindow } from "../../src/kit/duplicate-window.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

test("an id is new once", () => {
  const window = new DuplicateWindow({ clock: new ManualClock() });
  expect(window.isNew("a")).toBe(true);
  expect(window.isNew("a")).toBe(false);
  expect(window.has("a")).toBe(true);
  expect(window.has("b")).toBe(false);
});

test("it behaves as a plain list of (id, time) would, whatever comes", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("isNew" as const), id: fc.integer({ min: 0, max: 12 }).map(String) }),
    fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ do: fc.constant("has" as const), id: fc.integer({ min: 0, max: 12 }).map(String) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (steps, ids) => {
      const clock = new ManualClock();
      const window = new DuplicateWindow({ ids, ms: 100, clock });
      let model: { id: string; at: number }[] = [];
      for (const step of steps) {
        model = model.filter(({ at }) => clock.now() - at < 100);
        if (step.do === "advance") clock.advance(step.ms);
        else if (step.do === "has") expect(window.has(step.id)).toBe(model.some(({ id }) => id === step.id));
        else {
          const isNew = !model.some(({ id }) => id === step.id);
          expect(window.isNew(step.id)).toBe(isNew);
          if (isNew) {
            model.push({ id: step.id, at: clock.now() });
            if (model.length > ids) model.shift();
          }
          expect(window.size).toBe(model.length);
        }
      }
    }),
  );
});

test("a forgotten id may come again, and its old place does not take the new one along", () => {
  const clock = new ManualClock();
  const window = new DuplicateWindow({ ids: 3, ms: 100, clock });
  window.isNew("a");
  window.forget("a");
  clock.advance(60);
  expect(window.isNew("a")).toBe(true);
  clock.advance(60);
  window.isNew("b");
  expect(window.isNew("a")).toBe(false);
  clock.advance(40);
  expect(window.isNew("a")).toBe(true);
});

test("bounds that make no sense are refused", () => {
  const clock = new ManualClock();
  for (const ids of [0, -1, 1.5, Number.NaN]) expect(() => new DuplicateWindow({ ids, clock })).toThrow(/ids must be/);
  for (const ms of [0, -1, Number.NaN]) expect(() => new DuplicateWindow({ ms, clock })).toThrow(/ms must be/);
});
