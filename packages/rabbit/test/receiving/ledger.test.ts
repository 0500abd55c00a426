import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { DUPLICATE_WINDOW, Ledger } from "../../src/receiving/ledger.js";

const ledgerOf = (): { readonly ledger: Ledger<string>; readonly clock: ManualClock } => {
  const clock = new ManualClock();
  return { ledger: new Ledger<string>(clock), clock };
};

test("what is held is found until it is released", () => {
  const { ledger } = ledgerOf();
  ledger.hold("a", "delivery");
  expect([ledger.size, ledger.held("a"), ledger.held("b")]).toEqual([1, "delivery", undefined]);
  ledger.release("a", "delivery");
  ledger.release("b", "delivery");
  expect([ledger.size, ledger.held("a")]).toEqual([0, undefined]);
});

test("what came under the key of what is released stays", () => {
  const { ledger } = ledgerOf();
  ledger.hold("a", "delivery");
  ledger.hold("a", "next");
  ledger.release("a", "delivery");
  expect(ledger.held("a")).toBe("next");
});

describe("what was dispatched", () => {
  test("is so once, whether it is still held or not", () => {
    const { ledger } = ledgerOf();
    ledger.hold("a", "delivery");
    expect(ledger.wasTaken("a")).toBe(false);
    expect([ledger.take("a"), ledger.take("a")]).toEqual([true, false]);
    ledger.release("a", "delivery");
    expect([ledger.wasTaken("a"), ledger.take("a"), ledger.knows("a")]).toEqual([true, false, true]);
  });

  test("is known for as long as the manifest says", () => {
    const { ledger, clock } = ledgerOf();
    ledger.take("a");
    clock.advance(DUPLICATE_WINDOW.ms - 1);
    expect([ledger.wasTaken("a"), ledger.knows("a")]).toEqual([true, true]);
    clock.advance(2);
    expect([ledger.wasTaken("a"), ledger.knows("a"), ledger.take("a")]).toEqual([false, false, true]);
  });

  test("is known among as many as the manifest says", () => {
    const { ledger } = ledgerOf();
    for (let index = 0; index < DUPLICATE_WINDOW.ids; index++) ledger.take(`id-${index}`);
    expect(ledger.wasTaken("id-0")).toBe(true);
    ledger.take("one more");
    expect([ledger.wasTaken("id-0"), ledger.wasTaken("id-1")]).toEqual([false, true]);
  });
});

describe("what was given back", () => {
  test("unsettled, is unknown: it comes to another, or here again", () => {
    const { ledger } = ledgerOf();
    ledger.hold("a", "delivery");
    expect(ledger.knows("a")).toBe(true);
    ledger.release("a", "delivery");
    expect(ledger.knows("a")).toBe(false);
  });

  test("in a message of its own is known for a minute, and may be dispatched here", () => {
    const { ledger, clock } = ledgerOf();
    ledger.hold("a", "delivery");
    ledger.gaveCopy("a");
    ledger.release("a", "delivery");
    expect([ledger.knows("a"), ledger.wasTaken("a"), ledger.take("a")]).toEqual([true, false, true]);
    ledger.gaveCopy("b");
    clock.advance(59_999);
    expect(ledger.knows("b")).toBe(true);
    clock.advance(2);
    expect(ledger.knows("b")).toBe(false);
  });
});
