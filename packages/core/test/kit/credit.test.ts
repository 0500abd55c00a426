import fc from "fast-check";
import { expect, test } from "vitest";
import { Credit } from "../../src/kit/credit.js";

test("whatever is asked, no more is taken than granted, and the sum stays", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("take" as const) }),
    fc.record({ do: fc.constant("takeUpTo" as const), n: fc.nat(20) }),
    fc.record({ do: fc.constant("release" as const), n: fc.nat(5) }),
    fc.record({ do: fc.constant("grant" as const), n: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.nat(20), fc.array(step), (granted, steps) => {
      const credit = new Credit(granted);
      let used = 0;
      for (const step of steps) {
        const { available } = credit;
        if (step.do === "take") {
          expect(credit.take()).toBe(available > 0);
          if (available > 0) used++;
        } else if (step.do === "takeUpTo") {
          const taken = credit.takeUpTo(step.n);
          expect(taken).toBe(Math.min(step.n, available));
          used += taken;
        } else if (step.do === "grant") {
          credit.setGranted(step.n);
        } else if (step.n > used) {
          expect(() => credit.release(step.n)).toThrow(/given back with/);
        } else {
          credit.release(step.n);
          used -= step.n;
        }
        expect(credit.used).toBe(used);
        expect(credit.available).toBe(Math.max(0, credit.granted - used));
      }
    }),
  );
});

test("counts that are none are refused", () => {
  for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new Credit(wrong)).toThrow(/granted must be/);
    expect(() => new Credit(1).setGranted(wrong)).toThrow(/granted must be/);
    expect(() => new Credit(1).release(wrong)).toThrow(/count must be/);
  }
});
