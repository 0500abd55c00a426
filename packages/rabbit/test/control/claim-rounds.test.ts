import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { ANSWER_MS, ClaimRounds } from "../../src/control/claim-rounds.js";
import { MOST_IDS } from "../../src/control/notices.js";
import { Roster } from "../../src/control/roster.js";

const TOPIC = "E.T";
const ASKER = {};

function roundsOf(
  members: readonly string[],
  isWhole = true,
): {
  readonly clock: ManualClock;
  readonly roster: Roster;
  readonly rounds: ClaimRounds;
  readonly asked: { readonly topic: string; readonly round: number; readonly ids: readonly string[] }[];
  readonly found: string[];
  /** Asks for a message, for at most a minute unless told otherwise. */
  ask(id: string, withinMs?: number, asker?: object): void;
} {
  const clock = new ManualClock();
  const roster = new Roster(clock);
  for (const member of members) roster.heard(member, 1);
  if (isWhole) roster.whole();
  const asked: { topic: string; round: number; ids: readonly string[] }[] = [];
  const rounds = new ClaimRounds({
    clock,
    rosterOf: (topic) => (topic === TOPIC ? roster : undefined),
    askAll: (topic, round, ids) => asked.push({ topic, round, ids }),
  });
  const found: string[] = [];
  const ask = (id: string, withinMs = 60_000, asker: object = ASKER): void =>
    rounds.ask(asker, TOPIC, id, withinMs, (finding) => found.push(`${id} ${finding}`));
  return { clock, roster, rounds, asked, found, ask };
}

describe("a round", () => {
  test("asks for all of one turn at once, and nothing before the turn is over", async () => {
    const { clock, asked, found, ask } = roundsOf(["a"]);
    ask("m1");
    ask("m2");
    expect([asked, found]).toEqual([[], []]);
    await clock.tick();
    expect(asked).toEqual([{ topic: TOPIC, round: 1, ids: ["m1", "m2"] }]);
    ask("m3");
    await clock.tick();
    expect(asked[1]).toEqual({ topic: TOPIC, round: 2, ids: ["m3"] });
  });

  test("of very many is several notices", async () => {
    const { clock, asked, ask } = roundsOf(["a"]);
    for (let index = 0; index <= MOST_IDS; index++) ask(`m${index}`);
    await clock.tick();
    expect(asked.map(({ round, ids }) => [round, ids.length])).toEqual([
      [1, MOST_IDS],
      [2, 1],
    ]);
  });

  test("finds who has a message at the first word, and nobody at the last", async () => {
    const { clock, rounds, found, ask } = roundsOf(["a", "b"]);
    ask("m1");
    ask("m2");
    await clock.tick();
    rounds.answered("a", 1, ["m2"]);
    expect(found).toEqual(["m2 claimed"]);
    rounds.answered("a", 1, []);
    expect(found).toEqual(["m2 claimed"]);
    rounds.answered("b", 1, []);
    expect(found).toEqual(["m2 claimed", "m1 nobody"]);
    expect([rounds.questions, clock.timers]).toEqual([0, 0]);
  });

  test("where there is nobody else ends at once, unasked", async () => {
    const { clock, asked, found, ask } = roundsOf([]);
    ask("m1");
    expect(found).toEqual([]);
    await clock.tick();
    expect([found, asked, clock.timers]).toEqual([["m1 nobody"], [], 0]);
  });

  test("does not wait for one that says goodbye", async () => {
    const { clock, rounds, found, ask } = roundsOf(["a", "b"]);
    ask("m1");
    await clock.tick();
    rounds.answered("a", 1, []);
    rounds.left("b", "another topic");
    expect(found).toEqual([]);
    rounds.left("b", TOPIC);
    expect(found).toEqual(["m1 nobody"]);
  });

  test("takes an answer of another round for what it says of a message, and for no more", async () => {
    const { clock, rounds, found, ask } = roundsOf(["a"]);
    ask("m1");
    await clock.tick();
    ask("m2");
    await clock.tick();
    rounds.answered("a", 1, []);
    expect(found).toEqual(["m1 nobody"]);
    rounds.answered("a", 77, ["m2", "m9"]);
    expect(found).toEqual(["m1 nobody", "m2 claimed"]);
  });
});

describe("whoever was there before, and has not said so yet", () => {
  test("is waited for", async () => {
    const { clock, asked, found, ask } = roundsOf([], false);
    ask("m1");
    await clock.tick(999);
    expect([asked.length, found]).toEqual([1, []]);
    await clock.tick(1);
    expect([found, clock.timers]).toEqual([["m1 nobody"], 0]);
  });

  test("and says so in time, is asked too", async () => {
    const { clock, rounds, found, ask } = roundsOf([], false);
    ask("m1");
    await clock.tick();
    rounds.heard("late", TOPIC);
    rounds.heard("stranger", "another topic");
    await clock.tick(1_000);
    expect(found).toEqual([]);
    rounds.answered("late", 1, []);
    expect(found).toEqual(["m1 nobody"]);
  });

  test("and has answered before it says so, is not waited for again", async () => {
    const { clock, rounds, found, ask } = roundsOf([], false);
    ask("m1");
    await clock.tick();
    rounds.answered("quick", 1, []);
    rounds.heard("quick", TOPIC);
    await clock.tick(1_000);
    expect(found).toEqual(["m1 nobody"]);
  });

  test("and comes when it is all known, was not there before", async () => {
    const { clock, rounds, found, ask } = roundsOf(["a"]);
    ask("m1");
    await clock.tick();
    rounds.heard("new", TOPIC);
    rounds.answered("a", 1, []);
    expect(found).toEqual(["m1 nobody"]);
  });
});

describe("one that does not answer", () => {
  test("leaves what was asked unknown, and is asked no more", async () => {
    const { clock, rounds, roster, found, ask } = roundsOf(["a", "b"]);
    ask("m1");
    await clock.tick();
    rounds.answered("a", 1, []);
    await clock.tick(ANSWER_MS - 1);
    expect(found).toEqual([]);
    await clock.tick(1);
    expect(found).toEqual(["m1 unknown"]);
    expect([...roster.present]).toEqual(["a"]);
    expect(roster.lostUntil).toBe(clock.wallNow() + 60_000);
    rounds.answered("b", 1, ["m1"]);
    expect(found).toEqual(["m1 unknown"]);
  });

  test("before the time of a question is over leaves that one unknown, and may still answer others", async () => {
    const { clock, rounds, roster, found, ask } = roundsOf(["a"]);
    ask("call", 1_000);
    ask("cast", 10_000);
    await clock.tick(1_000);
    expect(found).toEqual(["call unknown"]);
    rounds.answered("a", 1, ["call"]);
    expect([found, [...roster.present]]).toEqual([["call unknown", "cast nobody"], ["a"]]);
  });
});

describe("a question", () => {
  test("is forgotten with its asker, and its id is not asked for if that is soon", async () => {
    const { clock, rounds, asked, found, ask } = roundsOf(["a"]);
    const other = {};
    ask("m1");
    ask("m2", 60_000, other);
    rounds.forget(ASKER);
    expect(rounds.questions).toBe(1);
    await clock.tick();
    expect(asked[0]?.ids).toEqual(["m2"]);
    rounds.forget(other);
    rounds.answered("a", 1, ["m1", "m2"]);
    expect(found).toEqual([]);
  });

  test("that is asked again has its time from then, and one answer", async () => {
    const { clock, rounds, found, ask } = roundsOf(["a"]);
    ask("m1", 1_000);
    await clock.tick(900);
    ask("m1", 1_000);
    await clock.tick(900);
    expect(found).toEqual([]);
    await clock.tick(100);
    expect(found).toEqual(["m1 unknown"]);
    rounds.answered("a", 2, ["m1"]);
    expect(found).toEqual(["m1 unknown"]);
  });
});

test("closed, nothing is answered and no timer is left, whoever was still waited for", async () => {
  const { clock, rounds, found, ask } = roundsOf(["a"], false);
  ask("m1");
  await clock.tick();
  ask("m2");
  rounds.close();
  await clock.tick(60_000);
  expect([found, clock.timers, rounds.questions]).toEqual([[], 0, 0]);
});

test("no process is kept alive by a question", async () => {
  const { clock, ask } = roundsOf(["a"], false);
  ask("m1");
  await clock.tick();
  expect([clock.timers > 0, clock.foregroundTimers]).toEqual([true, 0]);
});
