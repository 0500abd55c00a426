import { expect, test } from "vitest";
import { CallIds } from "../../../src/wire/packed/call-ids.js";

test("no two of 100 000 are the same, each is a safe integer, and none follows from the one before", () => {
  const ids = new CallIds();
  const drawn = Array.from({ length: 100_000 }, () => ids.next());
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(drawn.every(Number.isSafeInteger)).toBe(true);
  const steps = new Set(drawn.slice(1, 200).map((id, index) => id - (drawn[index] ?? 0)));
  expect(steps.size).toBeGreaterThan(190);
});
