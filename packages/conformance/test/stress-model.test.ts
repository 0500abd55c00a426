import { describe, expect, test } from "vitest";
import { seededRandom } from "../src/seeded.js";
import { type Life, type Log, type Message, Model, type Rules } from "../src/stress/model.js";
import { describeProgram, generateProgram, type Means, type Operation, parseProgram } from "../src/stress/program.js";
import { shrinkProgram } from "../src/stress/shrink.js";

const NEVER = Number.POSITIVE_INFINITY;
const RULES: Rules = {
  gracefulDrain: true,
  redelivery: false,
  storesOffline: false,
  acceptance: { casts: "transport", events: "transport" },
};

function server(name: string, more: Partial<Life> = {}): Life {
  return { consumer: name, kind: "server", topic: "t", name, ready: 1, leaving: NEVER, gone: NEVER, ...more };
}

function listener(consumer: string, pool: string, more: Partial<Life> = {}): Life {
  return { ...server(consumer, more), kind: "listener", name: pool };
}

function message(kind: Message["kind"], more: Partial<Message> = {}): Message {
  return {
    ...{ id: "m", kind, from: 0, topic: "t", server: undefined, invoked: 10, ended: 20, quiet: 30 },
    ...{ state: "ok", refusal: undefined, answer: undefined },
    ...more,
  };
}

function flawsOf(log: Partial<Log>, rules: Partial<Rules> = {}): string[] {
  const nothing: Log = { messages: [], lives: [], handled: [], disturbances: [], closings: [], toldLost: 0 };
  return new Model({ ...nothing, ...log }, { ...RULES, ...rules }).flaws();
}

const by = (...consumers: string[]) => consumers.map((consumer) => ({ id: "m", consumer, at: 15 }));
const [s1, s2] = [server("s1"), server("s2")];

describe("the model of random programs", () => {
  test("takes what is as it should be", () => {
    const answer = { by: "s1", id: "m" };
    expect(flawsOf({ messages: [message("call", { answer })], lives: [s1, s2], handled: by("s1") })).toEqual([]);
    expect(flawsOf({ messages: [message("cast")], lives: [s1, s2], handled: by("s2") })).toEqual([]);
    expect(flawsOf({ messages: [message("fanout")], lives: [s1, s2], handled: by("s1", "s2") })).toEqual([]);
    const lives = [listener("a1", "a"), listener("a2", "a"), listener("b1", "b")];
    expect(flawsOf({ messages: [message("emit")], lives, handled: by("a2", "b1") })).toEqual([]);
  });

  test.each<[string, Partial<Log>, string]>([
    ["a cast that nobody handled", { messages: [message("cast")], lives: [s1] }, "B2"],
    ["a cast that ran twice", { messages: [message("cast")], lives: [s1, s2], handled: by("s1", "s2") }, "B12"],
    [
      "a directed cast elsewhere",
      { messages: [message("cast", { server: "s1" })], lives: [s1, s2], handled: by("s2") },
      "A3",
    ],
    ["another topic", { messages: [message("cast", { topic: "tx" })], lives: [s1], handled: by("s1") }, "A2"],
    ["a fanout that one server missed", { messages: [message("fanout")], lives: [s1, s2], handled: by("s1") }, "A4"],
    ["a fanout that came twice", { messages: [message("fanout")], lives: [s1], handled: by("s1", "s1") }, "A4"],
    [
      "a handler after its stop",
      { messages: [message("cast")], lives: [server("s1", { leaving: 11, gone: 12 })], handled: by("s1") },
      "E3",
    ],
    [
      "the answer of another",
      { messages: [message("call", { answer: { by: "s2", id: "m" } })], lives: [s1], handled: by("s1") },
      "B9",
    ],
    [
      "an answer without a handler",
      { messages: [message("call", { answer: { by: "s1", id: "m" } })], lives: [s1] },
      "B1",
    ],
    ["no outcome", { messages: [message("call", { state: "pending" })], lives: [s1] }, "B1"],
    ["a refusal beside a server", { messages: [message("cast", { state: "fail" })], lives: [s1] }, "E2"],
    ["an event refused for want of listeners", { messages: [message("emit", { state: "fail" })] }, "A7"],
    ["refused and handled", { messages: [message("cast", { state: "fail" })], lives: [s1], handled: by("s1") }, "G"],
    [
      "two of one pool",
      { messages: [message("emit")], lives: [listener("a1", "a"), listener("a2", "a")], handled: by("a1", "a2") },
      "C3",
    ],
    ["a pool that missed an event", { messages: [message("emit")], lives: [listener("a1", "a")] }, "C3"],
    ["an RPC at a listener", { messages: [message("cast")], lives: [listener("a1", "a")], handled: by("a1") }, "A8"],
    ["what was never sent", { lives: [s1], handled: by("s1") }, "never sent"],
  ])("finds %s", (_, log, clause) => {
    const flaws = flawsOf(log);
    expect(flaws.join("\n")).toContain(clause);
  });

  test("lets a cast be lost where a server left or a link broke, and it was told", () => {
    const leaves = { messages: [message("cast")], lives: [server("s1", { leaving: 15, gone: 16 })] };
    expect(flawsOf({ ...leaves, toldLost: 1 })).toEqual([]);
    expect(flawsOf(leaves)).toHaveLength(1);
    const broken = { messages: [message("cast")], lives: [s1], disturbances: [{ from: 12, until: 14 }] };
    expect(flawsOf({ ...broken, toldLost: 1 })).toEqual([]);
    expect(flawsOf(broken)).toHaveLength(1);
  });

  test("asks of a fanout and an event only those that were there all the time", () => {
    for (const life of [server("s1", { ready: 12 }), server("s1", { leaving: 25 })]) {
      expect(flawsOf({ messages: [message("fanout")], lives: [life] })).toEqual([]);
    }
    const left = { messages: [message("emit")], lives: [listener("a1", "a", { leaving: 5, gone: 6 })] };
    expect(flawsOf(left)).toEqual([]);
    expect(flawsOf(left, { storesOffline: true })).toHaveLength(1);
  });

  test("lets a call end as it may where its transport closes, its caller gives up, or a server leaves that cannot drain", () => {
    const lost = message("call", { state: "unknown" });
    expect(flawsOf({ messages: [lost], lives: [s1] })).toHaveLength(1);
    expect(flawsOf({ messages: [lost], lives: [s1], closings: [{ slot: 0, at: 12 }] })).toEqual([]);
    expect(flawsOf({ messages: [message("abort", { state: "unknown" })], lives: [s1] })).toEqual([]);
    const lives = [s1, server("s2", { leaving: 12, gone: 13 })];
    expect(flawsOf({ messages: [lost], lives }, { gracefulDrain: false })).toEqual([]);
    expect(flawsOf({ messages: [lost], lives })).toHaveLength(1);
  });

  test("lets an event come again only where links broke and the manifest says so", () => {
    const twice = { messages: [message("emit")], lives: [listener("a1", "a")], handled: by("a1", "a1") };
    const disturbances = [{ from: 12, until: 14 }];
    expect(flawsOf(twice, { redelivery: true })).toHaveLength(1);
    expect(flawsOf({ ...twice, disturbances })).toHaveLength(1);
    expect(flawsOf({ ...twice, disturbances }, { redelivery: true })).toEqual([]);
  });
});

const MEANS: Means = { events: true, pools: true, fanout: true, serverDirected: true, cut: true };

describe("a random program", () => {
  test("is the same for the same seed, and what its text says again", () => {
    const program = generateProgram(seededRandom(7), MEANS, 40);
    expect(program).toHaveLength(40);
    expect(generateProgram(seededRandom(7), MEANS, 40)).toEqual(program);
    expect(parseProgram(JSON.stringify(program))).toEqual(program);
    expect(describeProgram(program).split("\n")).toHaveLength(40);
    expect(() => parseProgram('[{"do":"dance"}]')).toThrow(TypeError);
  });

  test("has nothing in it that the manifest does not claim", () => {
    const means = { events: false, pools: false, fanout: false, serverDirected: false, cut: false };
    for (let seed = 0; seed < 20; seed++) {
      const kinds = new Set<string>(generateProgram(seededRandom(seed), means, 40).map((operation) => operation.do));
      for (const kind of ["emit", "listen", "leave", "fanout", "cut"]) expect(kinds).not.toContain(kind);
    }
  });

  test("is shrunk to what makes it fail", async () => {
    const program = generateProgram(seededRandom(3), MEANS, 60);
    const needs = (candidate: readonly Operation[]): boolean =>
      candidate.some((one) => one.do === "serve") && candidate.some((one) => one.do === "cast" && one.times >= 3);
    const long: Operation[] = [...program, { do: "cast", from: 0, topic: "t", times: 40 }];
    expect(needs(long)).toBe(true);
    const { program: short } = await shrinkProgram(long, async (one) => needs(one), { runs: 1_000, ms: 10_000 });
    expect(short.map((one) => one.do).toSorted()).toEqual(["cast", "serve"]);
    expect(short.find((one) => one.do === "cast")).toMatchObject({ times: expect.toSatisfy((n: number) => n < 6) });
  });

  test("is tried no oftener than the bounds say", async () => {
    const program = generateProgram(seededRandom(3), MEANS, 30);
    let runs = 0;
    const fails = async (): Promise<boolean> => ++runs < 0;
    await shrinkProgram(program, fails, { runs: 10, ms: 10_000 });
    expect(runs).toBe(10);
  });
});
