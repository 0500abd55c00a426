import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Publication } from "../../src/sending/publication.js";
import { WaitingLine } from "../../src/sending/waiting-line.js";

/** The line looks at what waits as at a thing only. */
function publication(id: number): Publication {
  return { id: `p${id}` } as unknown as Publication;
}

test("first come first served, and looking takes nothing", () => {
  const line = new WaitingLine();
  const [a, b] = [publication(1), publication(2)];
  expect(line.first).toBeUndefined();
  line.push(a);
  line.push(b);
  expect([line.first, line.first, line.size]).toEqual([a, a, 2]);
  expect(line.remove(a)).toBe(true);
  expect([line.first, line.size]).toEqual([b, 1]);
  expect(line.remove(a)).toBe(false);
});

test("one in the middle may be given up", () => {
  const line = new WaitingLine();
  const [a, b, c] = [publication(1), publication(2), publication(3)];
  for (const one of [a, b, c]) line.push(one);
  line.remove(b);
  expect(line.all()).toEqual([a, c]);
  line.remove(a);
  expect(line.first).toBe(c);
});

test("all are taken at once, oldest first", () => {
  const line = new WaitingLine();
  const [a, b, c] = [publication(1), publication(2), publication(3)];
  for (const one of [a, b, c]) line.push(one);
  line.remove(a);
  expect(line.takeAll()).toEqual([b, c]);
  expect([line.size, line.first, line.takeAll()]).toEqual([0, undefined, []]);
  line.push(a);
  expect(line.first).toBe(a);
});

describe("it is an ordered set of what waits", () => {
  test("whatever is put, given up and served, also where thousands pass", () => {
    const step = fc.oneof(
      fc.record({ put: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ serve: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ giveUp: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const line = new WaitingLine();
        const model: Publication[] = [];
        let put = 0;
        for (const now of steps) {
          if ("put" in now) {
            for (let count = 0; count < now.put; count++) {
              const one = publication(put++);
              line.push(one);
              model.push(one);
            }
          } else if ("serve" in now) {
            for (let count = 0; count < now.serve && model.length > 0; count++) {
              const first = line.first;
              expect(first).toBe(model.shift());
              expect(first !== undefined && line.remove(first)).toBe(true);
            }
          } else if (model.length > 0) {
            const [one] = model.splice(now.giveUp % model.length, 1);
            expect(one !== undefined && line.remove(one)).toBe(true);
          }
          expect(line.size).toBe(model.length);
          expect(line.first).toBe(model[0]);
        }
        expect(line.all().map(({ id }) => id)).toEqual(model.map(({ id }) => id));
      }),
      { numRuns: 50 },
    );
  });
});
