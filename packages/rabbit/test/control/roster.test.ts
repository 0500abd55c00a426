import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { Roster } from "../../src/control/roster.js";

const WALL = 1_000_000;

function rosterOf(): { readonly roster: Roster; readonly clock: ManualClock } {
  const clock = new ManualClock({ wallNow: WALL });
  return { roster: new Roster(clock), clock };
}

test("at first it knows nobody, and not that there is nobody", () => {
  const { roster } = rosterOf();
  expect([...roster.present]).toEqual([]);
  expect([roster.isWhole, roster.since, roster.lostUntil, roster.settlingMs]).toEqual([
    false,
    Number.POSITIVE_INFINITY,
    0,
    1_000,
  ]);
});

describe("it is whole", () => {
  test("once the broker counts as many consumers as have told that they are there", () => {
    const { roster, clock } = rosterOf();
    roster.counted(3, 1);
    expect(roster.isWhole).toBe(false);
    roster.heard("a", 1);
    roster.counted(3, 1);
    expect(roster.isWhole).toBe(false);
    roster.heard("b", 1);
    clock.advance(500);
    roster.counted(3, 1);
    expect([roster.isWhole, roster.since, roster.settlingMs]).toEqual([true, WALL + 500, 0]);
  });

  test("and stays so since that instant", () => {
    const { roster, clock } = rosterOf();
    roster.counted(1, 1);
    clock.advance(500);
    roster.counted(1, 1);
    expect(roster.since).toBe(WALL);
    roster.counted(9, 1);
    expect(roster.isWhole).toBe(true);
  });

  test("with the numbers that were told last, kept where none is told", () => {
    const { roster } = rosterOf();
    roster.heard("a", 2);
    roster.heard("a");
    roster.counted(3, 1);
    expect(roster.isWhole).toBe(true);
    const other = rosterOf().roster;
    other.heard("a", 2);
    other.heard("a", 1);
    other.counted(3, 1);
    expect(other.isWhole).toBe(false);
  });

  test("in whole milliseconds, and never from before it is", () => {
    const clock = new ManualClock({ wallNow: WALL + 0.25 });
    const roster = new Roster(clock);
    roster.whole();
    expect(roster.since).toBe(WALL + 1);
  });

  test("no more once some may have come unheard", () => {
    const { roster, clock } = rosterOf();
    roster.heard("a", 1);
    roster.whole();
    clock.advance(5_000);
    roster.doubted();
    expect([roster.isWhole, roster.settlingMs, [...roster.present]]).toEqual([false, 1_000, ["a"]]);
    clock.advance(400);
    expect(roster.settlingMs).toBe(600);
    clock.advance(5_000);
    expect(roster.settlingMs).toBe(0);
    roster.counted(2, 1);
    expect(roster.since).toBe(WALL + 10_400);
  });
});

describe("who goes", () => {
  test("with a goodbye leaves nothing behind", () => {
    const { roster } = rosterOf();
    roster.heard("a", 1);
    roster.left("a");
    expect([[...roster.present], roster.lostUntil]).toEqual([[], 0]);
    roster.counted(1, 1);
    expect(roster.isWhole).toBe(true);
  });

  test("with a goodbye after a lost connection may have had what was sent until now, for ever", () => {
    const { roster, clock } = rosterOf();
    roster.heard("a", 1);
    clock.advance(2_000.5);
    roster.lost("a");
    expect([[...roster.present], roster.lostUntil]).toEqual([[], WALL + 2_001]);
    clock.advance(600_000);
    roster.heard("a", 1);
    expect(roster.lostUntil).toBe(WALL + 2_001);
  });

  test("without a word may have been given messages for a minute more", () => {
    const { roster, clock } = rosterOf();
    roster.heard("a", 1);
    clock.advance(2_000);
    roster.missed("a");
    expect([[...roster.present], roster.lostUntil]).toEqual([[], WALL + 62_000]);
    clock.advance(600_000);
    expect(roster.lostUntil).toBe(WALL + 62_000);
  });

  test("without a word, and is heard again, can be asked again", () => {
    const { roster } = rosterOf();
    roster.heard("a", 1);
    roster.missed("a");
    roster.heard("a", 1);
    expect([[...roster.present], roster.lostUntil]).toEqual([["a"], 0]);
  });

  test("without ever having been there is nobody", () => {
    const { roster } = rosterOf();
    roster.missed("a");
    roster.left("b");
    expect(roster.lostUntil).toBe(0);
  });

  test("one after the other: the last counts", () => {
    const { roster, clock } = rosterOf();
    for (const member of ["a", "b", "c"]) roster.heard(member, 1);
    roster.missed("a");
    clock.advance(100_000);
    roster.missed("b");
    expect(roster.lostUntil).toBe(WALL + 160_000);
    // Who has been silent for more than a minute is lost for good; who is heard in time is not.
    roster.heard("a", 1);
    roster.heard("b", 1);
    expect(roster.lostUntil).toBe(WALL + 60_000);
    roster.lost("c");
    expect(roster.lostUntil).toBe(WALL + 100_000);
  });
});

test("ten thousand are believed, and those stay", () => {
  const { roster } = rosterOf();
  for (let index = 0; index < 10_001; index++) roster.heard(`m${index}`, 1);
  const present = [...roster.present];
  expect([present.length, present.includes("m0"), present.includes("m10000")]).toEqual([10_000, true, false]);
  roster.left("m5");
  roster.heard("m10000", 1);
  expect([...roster.present].includes("m10000")).toBe(true);
});
