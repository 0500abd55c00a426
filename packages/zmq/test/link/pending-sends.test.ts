import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PendingSends } from "../../src/link/pending-sends.js";
import type { OutgoingCast } from "../../src/routing/outgoing.js";
import { type FateLog, newCast, newLine } from "../support/lines.js";

const line = newLine();

function sent(sequence: number): { readonly cast: OutgoingCast; readonly fate: FateLog } {
  const made = newCast(line, {});
  made.cast.state = "sent";
  made.cast.sequence = sequence;
  return made;
}

describe("what is pending", () => {
  test("is accepted in order, up to a sequence, each once", () => {
    const pending = new PendingSends();
    const made = [2, 3, 7].map(sent);
    for (const { cast } of made) pending.push(cast);
    pending.accept(1);
    expect([pending.size, pending.acceptedCount]).toEqual([3, 0]);
    pending.accept(6);
    expect([pending.size, pending.acceptedCount]).toEqual([1, 2]);
    pending.accept(6);
    pending.accept(100);
    expect([pending.size, pending.acceptedCount]).toEqual([0, 3]);
    expect(made.map(({ fate }) => fate.heard)).toEqual([["accepted"], ["accepted"], ["accepted"]]);
  });

  test("is taken out by its sequence, untold, and counts as accepted: the other side counts it as handled", () => {
    const pending = new PendingSends();
    const made = [1, 2, 3].map(sent);
    for (const { cast } of made) pending.push(cast);
    expect(pending.take(2)).toBe(made[1]?.cast);
    expect(pending.take(2)).toBeUndefined();
    expect(pending.take(9)).toBeUndefined();
    expect([pending.size, pending.acceptedCount]).toEqual([2, 1]);
    pending.accept(3);
    expect([pending.size, pending.acceptedCount]).toEqual([0, 3]);
    expect(made.map(({ fate }) => fate.heard.length)).toEqual([1, 0, 1]);
    expect(pending.take(1)).toBeUndefined();
  });
});

type Step =
  | { readonly type: "push"; readonly gap: number }
  | { readonly type: "accept" | "take" | "find"; readonly at: number }
  | { readonly type: "drain" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("push" as const), gap: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("accept", "take", "find"), at: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.constant({ type: "drain" as const }) },
);

/** What each step says, done to the real one and to a plain map of sequences; both must agree after each. */
function compare(steps: readonly Step[], repeat = 1): void {
  const pending = new PendingSends();
  const model = new Map<number, { readonly cast: OutgoingCast; readonly fate: FateLog }>();
  let sequence = 0;
  let accepted = 0;
  for (const next of steps) {
    if (next.type === "push") {
      for (let time = 0; time < repeat; time++) {
        sequence += next.gap;
        const made = sent(sequence);
        model.set(sequence, made);
        pending.push(made.cast);
      }
    } else if (next.type === "drain") {
      expect(pending.drain()).toEqual([...model.values()].map(({ cast }) => cast));
      model.clear();
    } else {
      const at = Math.round((next.at / 1_000) * (sequence + 1));
      if (next.type === "find") expect(pending.find(at)).toBe(model.get(at)?.cast);
      else if (next.type === "take") {
        expect(pending.take(at)).toBe(model.get(at)?.cast);
        if (model.delete(at)) accepted++;
      } else {
        pending.accept(at);
        for (const [key, { fate }] of model) {
          if (key > at) continue;
          expect(fate.heard).toEqual(["accepted"]);
          model.delete(key);
          accepted++;
        }
      }
    }
    expect([pending.size, pending.acceptedCount]).toEqual([model.size, accepted]);
    for (const { fate } of model.values()) if (fate.heard.length > 0) expect(fate.heard).toEqual([]);
  }
}

test("agrees with a map by sequence, whatever the order of steps", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => compare(steps)),
    { numRuns: 300 },
  );
});

test("and when thousands are pending, whose front is swept out", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 15 }), (steps) => compare(steps, 700)),
    { numRuns: 20 },
  );
});
