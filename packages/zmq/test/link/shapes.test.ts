import { isDeepStrictEqual } from "node:util";
import { MessageTooLargeError, ReceivedShapes } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FEATURE_SHAPES } from "../../src/wire/greeting.js";
import { anyObject, anyValue } from "../support/arbitrary-values.js";
import { newCall, newCast, newEvent, request } from "../support/lines.js";
import { againstDialer, againstServer, FIRST_SESSION, type RawDialer, type RawServer } from "../support/raw-peer.js";
import { type RequestRecord, readRequestRecords } from "../support/request-records.js";
import { type ResponseRecord, readResponseRecords } from "../support/response-records.js";
import { contentOf, Session, type SessionOptions } from "../support/session.js";

const rpc = { kind: "rpc" as const, listener: 1, exchange: "default", topic: "t", server: "s" };
const names = { mode: "topic" as const, namespace: undefined, version: undefined, method: "m" };
const nothing = { context: {}, headers: {} };
const row = (id: number) => ({ id, name: `n${id}`, up: true });

/** Params that were written straight to the link, as a call to a listener with credit is. */
async function call(session: Session, params: object, context: object = {}) {
  const { call: one, sink } = newCall(session.owner.line, undefined);
  session.dialed.sendCall(session.remote(1), one, request(params as never, { context: context as never }));
  await session.settle();
  return { one, sink };
}

async function serving(options: SessionOptions = {}) {
  const session = new Session(options);
  const listener = session.listen({ credit: 10_000 });
  await session.open();
  return { session, ...listener };
}

const toServer = (session: Session): RequestRecord[] => {
  const shapes = new ReceivedShapes(Number.POSITIVE_INFINITY);
  return session.pair.dialer.arrived.slice(1).flatMap((frame) => readRequestRecords(frame, shapes));
};
const toDialer = (session: Session): ResponseRecord[] => {
  const shapes = new ReceivedShapes(Number.POSITIVE_INFINITY);
  return session.pair.listener.arrived.slice(1).flatMap((frame) => readResponseRecords(frame, shapes));
};
const shapesIn = (records: readonly (RequestRecord | ResponseRecord)[]): unknown[] =>
  records.flatMap((record) => (record.type === "SHAPE" ? [record.keys] : []));

function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
}

describe("objects that come often", () => {
  test("are announced by each side once, and are what they were", async () => {
    const { session, deliveries } = await serving();
    for (let i = 0; i < 6; i++) {
      const { sink } = await call(session, row(i), { user: "u" });
      deliveries[i]?.settle("done", { ok: true, value: { rows: [row(i)], at: i } });
      await session.settle();
      expect(sink.outcome).toEqual({ ok: true, value: { rows: [row(i)], at: i } });
    }
    expect(deliveries.map(contentOf)).toEqual([0, 1, 2, 3, 4, 5].map(row));
    expect(deliveries.map(({ message }) => message.context)).toEqual(Array(6).fill({ user: "u" }));
    expect(shapesIn(toServer(session))).toEqual([["id", "name", "up"], ["user"]]);
    expect(shapesIn(toDialer(session))).toEqual([
      ["rows", "at"],
      ["id", "name", "up"],
    ]);
    const { dialer, listener } = session.pair;
    for (const last of [dialer.arrived.at(-1), listener.arrived.at(-1)]) expect(last?.includes("name")).toBe(false);
  });

  test("any params and any results, several times each, arrive as they were", async () => {
    const { session, deliveries } = await serving();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyObject, anyValue), { maxLength: 4 }), async (pairs) => {
        for (let i = 0; i < 4; i++) {
          for (const [params, value] of pairs) {
            const { sink } = await call(session, params);
            const delivery = deliveries.pop();
            if (delivery === undefined) throw new Error("nothing was delivered");
            expectSame(contentOf(delivery), params);
            delivery.settle("done", { ok: true, value });
            await session.settle();
            expectSame(sink.outcome, { ok: true, value });
          }
        }
      }),
      { numRuns: 25 },
    );
    expect(session.owner.droppedReasons).toEqual([]);
  });

  test("are as large as in the plain form: the limit does not move", async () => {
    const params = { [`k${"x".repeat(40)}`]: 1, text: "y".repeat(40) };
    const { session } = await serving({ serverMaxBytes: 99 });
    for (let i = 0; i < 5; i++) await call(session, params);
    expect(session.pair.dialer.arrived.at(-1)?.includes("xxx")).toBe(false);
    for (let i = 0; i < 5; i++)
      await expect(call(session, { ...params, text: "y".repeat(50) })).rejects.toThrow(MessageTooLargeError);
  });

  test("what was refused half-way announces nothing wrong", async () => {
    const { session, deliveries } = await serving();
    for (let i = 0; i < 5; i++) {
      await expect(call(session, { ...row(i), bad: { deep: () => 1 } })).rejects.toThrow("params.bad.deep");
      await call(session, { ...row(i), bad: { deep: i } });
    }
    expect(deliveries.map(contentOf)).toEqual([0, 1, 2, 3, 4].map((i) => ({ ...row(i), bad: { deep: i } })));
  });
});

describe("what may travel over another session is in the plain form", () => {
  test("a call that goes back at once, one that was never begun, and a cast", async () => {
    const { session, local, deliveries } = await serving();
    for (let i = 0; i < 4; i++) await call(session, row(i), { user: "u" });
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: null });
    await call(session, row(4), { user: "u" });
    const { cast } = newCast(session.owner.line);
    session.dialed.sendCast(session.remote(1), cast, request(row(5)));
    local.stop();
    // Under way as the listener stops.
    const late = newCall(session.owner.line, undefined);
    session.dialed.sendCall(session.remote(1), late.call, request(row(6), { context: { user: "v" } }));
    await session.stop({ local, deliveries });
    expect(session.owner.droppedReasons).toEqual([]);
    expect(session.owner.returned.map(({ body }) => body)).toEqual(
      expect.arrayContaining([
        { params: row(4), context: { user: "u" }, headers: {} },
        { params: row(5), ...nothing },
        { params: row(6), context: { user: "v" }, headers: {} },
      ]),
    );
    const back = toDialer(session).filter(({ type }) => type.endsWith("_BACK"));
    expect(back).toHaveLength(3);
  });

  test("frames that the engine never took, once the link is lost", async () => {
    const { session } = await serving();
    for (let i = 0; i < 4; i++) await call(session, row(i));
    session.pair.dialer.room = 0;
    const { one } = await call(session, row(4), { user: "u" });
    const other = new Session();
    const { deliveries } = other.listen();
    await other.open();
    session.pair.break();
    await session.settle();
    expect(one.state).toBe("waiting");
    other.dialed.sendCall(other.remote(1), one, undefined);
    await other.settle();
    expect(deliveries.map(contentOf)).toEqual([row(4)]);
    expect(deliveries[0]?.message.context).toEqual({ user: "u" });
  });

  test("events, and what waited for credit", async () => {
    const session = new Session();
    session.listen({ kind: "events", credit: 100 });
    await session.open();
    for (let i = 0; i < 6; i++) {
      session.owner.events.post(newEvent(session.owner.events, { payload: row(i) }).event);
      await session.settle();
    }
    expect(shapesIn(toServer(session))).toEqual([]);
    expect(toServer(session).filter(({ type }) => type === "EVENT")).toHaveLength(6);
  });
});

describe("a peer of before", () => {
  test("that dials is answered in the plain form, and told that nothing was agreed on", async () => {
    const { session, raw } = againstServer();
    const { deliveries } = session.listen({ credit: 100 });
    raw.hello();
    await session.settle();
    raw.say({ type: "ROUTE", id: 1, listener: 1, names });
    for (let i = 0; i < 5; i++) {
      const body = { params: row(i), ...nothing };
      raw.say({ type: "CALL", slot: 0, generation: i, route: 1, timeoutMs: 9, monitorMs: undefined, body });
      await session.settle();
      deliveries[i]?.settle("done", { ok: true, value: row(i) });
      await session.settle();
    }
    expect(raw.heard.flatMap((record) => (record.type === "REPLY" ? [record.value] : []))).toEqual(
      [0, 1, 2, 3, 4].map(row),
    );
    expect(raw.heard.some(({ type }) => type === "SHAPE")).toBe(false);
    expect(raw.features).toBe(0);
  });

  test("that serves is asked in the plain form", async () => {
    const { session, raw } = await againstDialer();
    raw.welcome(FIRST_SESSION, { listeners: 1 });
    raw.say({ type: "ADVERT", advert: rpc, credit: 100 });
    await session.settle();
    for (let i = 0; i < 5; i++) await call(session, row(i));
    const bodies = raw.heard.flatMap((record) => (record.type === "CALL" ? [record.body.params] : []));
    expect(bodies).toEqual([0, 1, 2, 3, 4].map(row));
    expect(raw.heard.some(({ type }) => type === "SHAPE")).toBe(false);
  });
});

describe("shapes that no honest peer sends end the link, and are counted", () => {
  const shape = (...keys: string[]) => ({ type: "SHAPE" as const, keys });
  const many = Array.from({ length: 513 }, (_, i) => shape(`k${i}`));
  const shapes: Record<string, readonly ReturnType<typeof shape>[]> = {
    "one twice": [shape("a"), shape("b"), shape("a")],
    "one of no key": [shape()],
    "a key twice": [shape("a", "a")],
    __proto__: [shape("__proto__")],
    "too many keys": [shape(...Array.from({ length: 25 }, (_, i) => `k${i}`))],
    "too many shapes": many,
    "too long keys": [shape("x".repeat(65_000)), shape("y".repeat(600))],
  };

  async function dialer(features = FEATURE_SHAPES): Promise<{ session: Session; raw: RawDialer }> {
    const { session, raw } = againstServer();
    session.listen({ credit: 8 });
    session.listen({ kind: "events", credit: 8 });
    raw.hello({ features });
    await session.settle();
    raw.say({ type: "ROUTE", id: 1, listener: 1, names });
    return { session, raw };
  }

  async function server(features = FEATURE_SHAPES): Promise<{ session: Session; raw: RawServer }> {
    const { session, raw } = await againstDialer();
    raw.welcome(FIRST_SESSION, { listeners: 1, features });
    raw.say({ type: "ADVERT", advert: rpc, credit: 8 });
    await session.settle();
    expect(session.dialed.isReady).toBe(true);
    return { session, raw };
  }

  const expectRefused = async (session: Session, raw: RawDialer): Promise<void> => {
    await session.settle();
    expect(raw.refusal).toMatchObject({ code: "protocol", text: expect.stringContaining("a malformed record") });
    expect([session.accepted.isOpen, session.process.droppedReasons.length]).toEqual([false, 1]);
  };
  const expectCut = async (session: Session): Promise<void> => {
    await session.settle();
    expect(session.owner.end?.detail).toContain("the peer broke the protocol");
    expect([session.dialed.isOpen, session.owner.droppedReasons.length]).toEqual([false, 1]);
  };

  test.each(Object.keys(shapes))("%s, from either side", async (what) => {
    const dialing = await dialer();
    dialing.raw.say(...(shapes[what] ?? []));
    await expectRefused(dialing.session, dialing.raw);
    const served = await server();
    served.raw.say(...(shapes[what] ?? []));
    await expectCut(served.session);
  });

  test("any, where they were not agreed on", async () => {
    const dialing = await dialer(0);
    dialing.raw.say(shape("a"));
    await expectRefused(dialing.session, dialing.raw);
    const served = await server(0);
    served.raw.say(shape("a"));
    await expectCut(served.session);
  });

  // CAST by route 1 without flags, then the params.
  test.each([
    ["a number that was not announced", [0x12, 0, 1, 0xc1, 2, 1]],
    ["number 0", [0x12, 0, 1, 0xc1, 0]],
    ["a value too few", [0x12, 0, 1, 0xc1, 1]],
    ["an event's payload", [0x13, 0, 2, 1, 2, 0, 0, 0, 0, 0xc1, 1, 7]],
  ])("objects by a shape: %s", async (_what, bytes) => {
    const { session, raw } = await dialer();
    raw.say(shape("a"));
    raw.bytes(...bytes);
    await expectRefused(session, raw);
  });

  test.each([
    ["a result by a number that was not announced", [0x22, 0, 0, 0xc1, 2, 1]],
    ["the details of a failure", [0x23, 0, 0, 4, 0, 0, 0xc1, 1, 7]],
    ["what comes back", [0x26, 0, 0, 0, 0xc1, 1, 7]],
  ])("objects by a shape: %s", async (_what, bytes) => {
    const { session, raw } = await server();
    raw.say(shape("a"));
    await call(session, {});
    raw.bytes(...bytes);
    await expectCut(session);
  });

  test("an honest one is understood", async () => {
    const { session, raw } = await dialer();
    const { deliveries } = session.listen({ credit: 8 });
    raw.say({ type: "ROUTE", id: 2, listener: 3, names }, shape("a", "constructor"));
    raw.bytes(0x12, 0, 2, 0xc1, 1, 7, 0xc1, 0);
    await session.settle();
    expect(deliveries.map(contentOf)).toEqual([{ a: 7 }]);
  });
});
