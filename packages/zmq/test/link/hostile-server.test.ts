import { describe, expect, test } from "vitest";
import { newCall, newCast, request } from "../support/lines.js";
import { againstDialer, FIRST_SESSION, type RawServer } from "../support/raw-peer.js";
import type { ResponseRecord } from "../support/response-records.js";
import type { Session } from "../support/session.js";

const advert = (listener: number): ResponseRecord => ({
  type: "ADVERT",
  advert: { kind: "rpc", listener, exchange: "default", topic: "t", server: "s" },
  credit: 2,
});
const body = { params: {}, context: {}, headers: {} };
const castNames = {
  exchange: "default",
  topic: "t",
  server: undefined,
  mode: "topic",
  namespace: undefined,
  version: undefined,
  method: "m",
} as const;

interface World {
  readonly session: Session;
  readonly raw: RawServer;
}

async function welcomed(): Promise<World> {
  const { session, raw } = await againstDialer();
  raw.welcome(FIRST_SESSION, { listeners: 1 });
  raw.say(advert(1));
  await session.settle();
  return { session, raw };
}

describe("an answer to HELLO that is none", () => {
  test.each<[string, (raw: RawServer) => void]>([
    ["records", (raw) => raw.say({ type: "PONG" })],
    ["another version", (raw) => raw.welcome(FIRST_SESSION, { version: 2 })],
    ["another session", (raw) => raw.welcome(new Uint8Array(8).fill(9))],
    ["bytes behind it", (raw) => raw.bytes(2, 0x54, 0x52, 0x4b, 0x4c)],
  ])("%s: the link is cut as no session, and counted", async (_what, answer) => {
    const { session, raw } = await againstDialer();
    answer(raw);
    await session.settle();
    expect(session.owner.heard).toEqual(["ended"]);
    expect(session.owner.end?.detail).toContain("the peer broke the protocol");
    expect(session.owner.droppedReasons).toHaveLength(1);
    expect(raw.end?.reason).toBe("lost");
  });

  test("a refusal is heard, whatever its code", async () => {
    const { session, raw } = await againstDialer();
    raw.bytes(3, 0x54, 0x52, 0x4b, 0x4c, 77, 3, 0x77, 0x68, 0x79);
    await session.settle();
    expect(session.owner.end?.refusal).toEqual({ code: "protocol", text: "why" });
  });

  test("a refusal in session ends it as well, with its reason", async () => {
    const { session, raw } = await welcomed();
    raw.bytes(3, 0x54, 0x52, 0x4b, 0x4c, 5, 3, 0x77, 0x68, 0x79);
    await session.settle();
    expect(session.owner.end).toMatchObject({ refusal: { code: "protocol", text: "why" }, isOrderly: false });
  });
});

describe("records that no honest server sends end its link, are counted, and what was sent is lost in doubt", () => {
  const cases: Record<string, readonly ResponseRecord[]> = {
    "accepted more than was sent": [{ type: "ACCEPTED", sequence: 3 }],
    "handled fewer than before": [
      { type: "HANDLED", messages: 1 },
      { type: "HANDLED", messages: 0 },
    ],
    "given back what was not sent": [{ type: "CAST_BACK", sequence: 3, names: castNames, body }],
    "a listener advertised twice": [advert(1)],
  };

  test.each([...Object.keys(cases), "bytes that are no records"])("%s", async (what) => {
    const { session, raw } = await welcomed();
    const call = newCall(session.owner.line, {});
    const cast = newCast(session.owner.line, {});
    session.owner.line.post(call.call);
    session.owner.line.post(cast.cast);
    await session.settle();
    const records = cases[what];
    if (records === undefined) raw.bytes(0x25, 0, 0);
    else raw.say(...records);
    await session.settle();
    expect(session.owner.droppedReasons).toEqual([expect.stringContaining("the peer broke the protocol")]);
    expect(session.owner.end).toMatchObject({ reason: "cut", detail: session.owner.droppedReasons[0] });
    expect(call.sink).toMatchObject({ heard: ["lost"], mayHaveRun: true });
    expect(cast.fate.error).toMatchObject({ code: "ERR_CONNECTION_LOST", mayHaveRun: true });
    expect(session.owner.line.members).toEqual([]);
  });

  test("more listeners than any process has", async () => {
    const { session, raw } = await welcomed();
    for (let batch = 0; batch < 17; batch++) {
      raw.say(...Array.from({ length: 4_096 }, (_, index) => advert(2 + batch * 4_096 + index)));
    }
    await session.settle();
    expect(session.owner.end?.detail).toContain("more listeners than any process has");
    expect(session.owner.line.members).toEqual([]);
  });
});

describe("oddities that harm nobody", () => {
  test("answers that nobody waits for are dropped and counted", async () => {
    const { session, raw } = await welcomed();
    raw.say(
      { type: "REPLY", slot: 0, generation: 0, value: 1 },
      { type: "FAIL", slot: 2 ** 40, generation: 0, failure: { type: "E", message: "m" } },
      { type: "BEAT", slot: 0, generation: 9 },
      { type: "CALL_BACK", slot: 3, generation: 0, body },
    );
    await session.settle();
    expect(session.owner.droppedReasons).toHaveLength(4);
    expect(session.dialed.isReady).toBe(true);
  });

  test("a second answer to a call is dropped, and the first stays", async () => {
    const { session, raw } = await welcomed();
    const { call, sink } = newCall(session.owner.line);
    session.dialed.sendCall(session.remote(1), call, request({}));
    await session.settle();
    raw.say({ type: "REPLY", slot: 0, generation: 0, value: 1 }, { type: "REPLY", slot: 0, generation: 0, value: 2 });
    await session.settle();
    expect([sink.heard, sink.outcome]).toEqual([["end"], { ok: true, value: 1 }]);
    expect(session.remote(1).inFlight).toBe(0);
  });

  test("credit for a listener that is unknown is nothing; asked back, none is given", async () => {
    const { session, raw } = await welcomed();
    raw.say(
      { type: "CREDIT", listener: 9, tokens: 5 },
      { type: "RECLAIM", listener: 9, tokens: 5 },
      { type: "RECLAIM", listener: 1, tokens: 50 },
      { type: "GOAWAY", listener: 9 },
      { type: "PONG" },
    );
    await session.settle();
    expect(raw.heard.filter(({ type }) => type === "RETURN" || type === "GAVE_UP")).toEqual([
      { type: "RETURN", listener: 9, tokens: 0 },
      { type: "RETURN", listener: 1, tokens: 2 },
      { type: "GAVE_UP", listener: 9 },
    ]);
    expect(session.remote(1).tokens).toBe(0);
  });

  test("a process may begin and end as many listeners as it likes, one after the other", async () => {
    const { session, raw } = await welcomed();
    for (let batch = 0; batch < 70; batch++) {
      const ids = Array.from({ length: 1_000 }, (_, index) => 2 + batch * 1_000 + index);
      raw.say(...ids.flatMap((listener): ResponseRecord[] => [advert(listener), { type: "GOAWAY", listener }]));
    }
    await session.settle();
    expect([session.dialed.isReady, session.owner.line.members.length]).toEqual([true, 1]);
  });

  test("ACCEPTED that comes again, or goes back, accepts nothing twice", async () => {
    const { session, raw } = await welcomed();
    const casts = [newCast(session.owner.line, {}), newCast(session.owner.line, {})];
    for (const { cast } of casts) session.owner.line.post(cast);
    await session.settle();
    for (const sequence of [2, 1, 2, 0]) raw.say({ type: "ACCEPTED", sequence });
    await session.settle();
    expect(casts.map(({ fate }) => fate.heard)).toEqual([["accepted"], ["accepted"]]);
    expect(session.dialed.stats()["castsAccepted"]).toBe(2);
  });

  test("records behind BYE are not read", async () => {
    const { session, raw } = await welcomed();
    const { call, sink } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    await session.settle();
    raw.say({ type: "BYE" }, { type: "REPLY", slot: 0, generation: 0, value: 1 }, advert(7));
    await session.settle();
    expect(sink).toMatchObject({ heard: ["lost"], mayHaveRun: true });
    expect(session.owner.heard).toEqual(["joined 1", "ready", "left 1", "ended"]);
  });
});
