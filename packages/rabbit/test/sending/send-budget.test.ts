import { OverloadedError } from "@trunkline/core/driver";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SendBudget } from "../../src/sending/send-budget.js";

test("no more than so many messages", () => {
  const budget = new SendBudget({ messages: 2, bytes: 1_000 });
  budget.take(1);
  budget.take(0);
  expect(() => budget.take(0)).toThrow(OverloadedError);
  expect(() => budget.take(0)).toThrow("2 messages (1 bytes) wait to be taken by rabbit");
  expect(() => budget.take(0)).toThrow(/raise queueMessages and queueMiB$/);
  expect([budget.messages, budget.bytes]).toEqual([2, 1]);
  budget.release(1);
  budget.take(7);
  expect([budget.messages, budget.bytes]).toEqual([2, 7]);
});

test("no more than so many bytes, to the last", () => {
  const budget = new SendBudget({ messages: 10, bytes: 1_000 });
  budget.take(400);
  budget.take(600);
  expect(() => budget.take(1)).toThrow(OverloadedError);
  budget.release(400);
  expect(() => budget.take(401)).toThrow(OverloadedError);
  budget.take(400);
  expect(budget.bytes).toBe(1_000);
});

test("one message alone always has room, or it could never be sent", () => {
  const budget = new SendBudget({ messages: 10, bytes: 1_000 });
  budget.take(5_000);
  expect(() => budget.take(0)).toThrow(OverloadedError);
  budget.release(5_000);
  budget.take(1);
  expect(() => budget.take(5_000)).toThrow(OverloadedError);
});

test("whatever is taken and released, it is within its bounds and comes back to nothing", () => {
  const bounds = { messages: 5, bytes: 100 };
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(120), fc.constant("release" as const)), { maxLength: 60 }), (steps) => {
      const budget = new SendBudget(bounds);
      const held: number[] = [];
      for (const step of steps) {
        if (step === "release") {
          const bytes = held.shift();
          if (bytes !== undefined) budget.release(bytes);
          continue;
        }
        try {
          budget.take(step);
          held.push(step);
        } catch (error) {
          expect(error).toBeInstanceOf(OverloadedError);
        }
        expect(budget.messages).toBe(held.length);
        expect(budget.messages).toBeLessThanOrEqual(bounds.messages);
        if (held.length > 1) expect(budget.bytes).toBeLessThanOrEqual(bounds.bytes);
      }
      for (const bytes of held) budget.release(bytes);
      expect([budget.messages, budget.bytes]).toEqual([0, 0]);
    }),
  );
});
