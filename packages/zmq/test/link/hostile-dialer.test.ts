import { MessageTooLargeError } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { PROTOCOL_VERSION } from "../../src/wire/greeting.js";
import { anEvent, newCall } from "../support/lines.js";
import { againstServer, type RawDialer } from "../support/raw-peer.js";
import type { RequestRecord } from "../support/request-records.js";
import { contentOf, Session, type TestListener } from "../support/session.js";

const body = { params: {}, context: {}, headers: {} };
const names = { mode: "topic", namespace: undefined, version: undefined, method: "m" } as const;
const route = (id: number, listener: number): RequestRecord => ({ type: "ROUTE", id, listener, names });
const call = (slot: number, part: object = {}): RequestRecord => ({
  type: "CALL",
  slot,
  generation: 0,
  route: 1,
  timeoutMs: 1_000,
  monitorMs: undefined,
  body,
  ...part,
});
const cast = (part: object = {}): RequestRecord => ({ type: "CAST", route: 1, body, ...part });

interface World {
  readonly session: Session;
  readonly raw: RawDialer;
  /** Listener 1 of requests, and 2 of events, with credit 4 each: 2 for this dialer. */
  readonly rpc: TestListener;
  readonly events: TestListener;
}

async function greeted(part: Parameters<RawDialer["hello"]>[0] = {}): Promise<World> {
  const { session, raw } = againstServer();
  const rpc = session.listen({ credit: 4 });
  const events = session.listen({ kind: "events", pool: "p", credit: 4 });
  raw.hello(part);
  await session.settle();
  return { session, raw, rpc, events };
}

describe("before the greeting", () => {
  test.each([
    ["records", (raw: RawDialer) => raw.say({ type: "PING" })],
    ["noise", (raw: RawDialer) => raw.bytes(1, 2, 3, 4, 5, 6)],
    ["a HELLO that is cut short", (raw: RawDialer) => raw.bytes(1, 0x54, 0x52, 0x4b, 0x4c, 1)],
  ])("%s: refused with a reason, and counted", async (_what, speak) => {
    const { session, raw } = againstServer();
    speak(raw);
    await session.settle();
    expect(raw.refusal).toMatchObject({ code: "protocol" });
    expect(session.process.droppedReasons).toEqual([
      expect.stringContaining("protocol: a peer that did not begin with HELLO"),
    ]);
    expect([session.process.heard, raw.end?.reason]).toEqual([["ended"], "lost"]);
  });

  test.each([
    [PROTOCOL_VERSION + 1, 255],
    [0, PROTOCOL_VERSION - 1],
  ])("versions %i to %i: refused, and told which is spoken here", async (lowestVersion, highestVersion) => {
    const { session, raw } = againstServer();
    raw.hello({ lowestVersion, highestVersion });
    await session.settle();
    expect(raw.refusal).toMatchObject({
      code: "version",
      text: expect.stringContaining(`version ${PROTOCOL_VERSION}`),
    });
  });

  test("a dialer of a later version that speaks this one too is welcome", async () => {
    const { session, raw } = await greeted({ highestVersion: PROTOCOL_VERSION + 5, features: 2 ** 40 });
    expect([session.accepted.isReady, raw.refusal]).toEqual([true, undefined]);
  });

  test("a dialer without a name goes by its address", async () => {
    const { session } = await greeted({ name: "" });
    expect(session.accepted.peerName).toBe("the listener");
  });

  test("a second HELLO is no record", async () => {
    const { session, raw } = await greeted();
    raw.hello();
    await session.settle();
    expect(raw.refusal).toMatchObject({ code: "protocol" });
  });
});

describe("records that no honest dialer sends end its link, are counted, and harm no other", () => {
  const cases: Record<string, readonly RequestRecord[]> = {
    "a message without credit": [route(1, 1), cast(), cast(), cast()],
    "a slot in use": [route(1, 1), call(0), call(0, { generation: 1 })],
    "a slot out of bounds": [route(1, 1), call(2 ** 21)],
    "an undefined route": [route(1, 1), cast({ route: 2 })],
    "route 0": [cast({ route: 0 })],
    "a route to a listener of events": [route(1, 2)],
    "an event to a server": [{ type: "EVENT", listener: 1, attempt: 1, priority: "info", body: anEvent }],
    "more credit returned than was granted": [{ type: "RETURN", listener: 1, tokens: 3 }],
    "more adverts noted than were sent": [{ type: "NOTED", adverts: 3 }],
  };

  test.each(Object.keys(cases))("%s", async (what) => {
    const { session, raw, rpc, events } = await greeted();
    const honest = new Session();
    for (const { local } of [rpc, events]) honest.process.byId.set(local.id, local);
    await honest.open();
    raw.say(...(cases[what] ?? []));
    await session.settle();
    expect(raw.refusal).toMatchObject({ code: "protocol", text: expect.stringContaining("a malformed record") });
    expect(session.process.droppedReasons).toHaveLength(1);
    expect([session.accepted.isOpen, session.process.heard.at(-1)]).toEqual([false, "ended"]);
    // Whatever it held is free again, or in hand; and the honest one is served.
    expect(rpc.local.ledger.outstanding).toBe(honest.remote(1).tokens);
    const { call: good, sink } = newCall(honest.owner.line, { good: 1 });
    honest.owner.line.post(good);
    await honest.settle();
    const delivery = rpc.deliveries.find((one) => JSON.stringify(contentOf(one)) === '{"good":1}');
    delivery?.settle("done", { ok: true, value: 1 });
    for (const one of rpc.deliveries) one.settle("done", { ok: true, value: 1 });
    await honest.settle();
    expect(sink.heard).toEqual(["end"]);
    expect([rpc.local.ledger.inHand, rpc.local.ledger.free + rpc.local.ledger.outstanding]).toEqual([0, 4]);
  });

  test("bytes that are no records, behind some that are: those were read", async () => {
    const { session, raw, rpc } = await greeted();
    raw.say(route(1, 1), cast({ body: { ...body, params: { a: 1 } } }));
    raw.bytes(0x18, 0xff);
    await session.settle();
    expect(rpc.deliveries.map(contentOf)).toEqual([{ a: 1 }]);
    expect(raw.refusal).toMatchObject({ code: "protocol" });
  });

  test("after its refusal nothing more is read", async () => {
    const { session, raw, rpc } = await greeted();
    raw.bytes(0xff);
    raw.say(route(1, 1), cast());
    await session.settle();
    expect([rpc.deliveries, session.process.droppedReasons.length]).toEqual([[], 1]);
  });

  test("a route to a listener that is there and was not advertised here", async () => {
    const { session, raw } = await greeted();
    const hidden = new Session().listen();
    session.process.byId.set(9, hidden.local);
    raw.say(route(1, 9));
    await session.settle();
    expect(raw.refusal).toMatchObject({ text: expect.stringContaining("was not advertised") });
  });
});

describe("oddities that harm nobody", () => {
  test("marks and wishes for listeners that are unknown are passed over", async () => {
    const { session, raw } = await greeted();
    raw.say(
      { type: "WANT", listener: 9, messages: 5 },
      { type: "RETURN", listener: 9, tokens: 5 },
      { type: "GAVE_UP", listener: 9 },
      { type: "GAVE_UP", listener: 1 },
      { type: "CANCEL", slot: 7, generation: 0, reason: "aborted" },
      { type: "CANCEL", slot: 2 ** 40, generation: 0, reason: "aborted" },
    );
    await session.settle();
    expect([session.accepted.isReady, raw.refusal]).toEqual([true, undefined]);
  });

  test("giving up a listener that does not stop changes nothing for it", async () => {
    const { session, raw, rpc } = await greeted();
    raw.say({ type: "GAVE_UP", listener: 1 }, route(1, 1), cast());
    await session.settle();
    expect([rpc.deliveries.length, session.accepted.hasGivenUp(rpc.local)]).toEqual([1, false]);
  });

  test("a cancel of another generation cancels nothing", async () => {
    const { session, raw, rpc } = await greeted();
    raw.say(route(1, 1), call(0, { generation: 3 }), { type: "CANCEL", slot: 0, generation: 2, reason: "aborted" });
    await session.settle();
    expect(rpc.deliveries[0]?.take()).toBe(true);
  });

  test("messages for a listener that is unknown are dropped and counted; a call, whose caller waits, goes back", async () => {
    const { session, raw } = await greeted();
    raw.say(
      route(1, 9),
      call(4),
      cast(),
      { type: "EVENT", listener: 9, attempt: 1, priority: "info", body: anEvent },
      { type: "PING" },
    );
    await session.settle();
    expect(raw.refusal).toBeUndefined();
    expect(raw.heard.map(({ type }) => type)).toEqual(["ADVERT", "ADVERT", "CALL_BACK", "PONG", "ACCEPTED", "HANDLED"]);
    expect(session.process.droppedReasons).toEqual([
      "a cast for a listener that is unknown",
      "an event for a listener that is unknown",
    ]);
  });
});

describe("a dialer that says it takes less than it sends", () => {
  const large = { ...body, params: { x: "x".repeat(100_000) } };
  const sentAll: readonly RequestRecord[] = [
    route(1, 1),
    call(0, { body: large }),
    cast({ body: large }),
    { type: "EVENT", listener: 2, attempt: 1, priority: "info", body: { ...anEvent, payload: large.params } },
    { type: "EVENT", listener: 2, attempt: 2, priority: "info", body: { ...anEvent, payload: large.params } },
  ];

  test("gets back what it sent to listeners that stop", async () => {
    const { session, raw, rpc, events } = await greeted({ maxMessageBytes: 0 });
    for (const { local } of [rpc, events]) local.stop();
    raw.say(...sentAll);
    await session.settle();
    expect(raw.heard.map(({ type }) => type)).toEqual([
      "ADVERT",
      "ADVERT",
      "CALL_BACK",
      "CAST_BACK",
      "EVENT_BACK",
      "EVENT_BACK",
      "ACCEPTED",
      "HANDLED",
    ]);
    expect(session.accepted.isReady).toBe(true);
  });

  test("gets back what was in hand, and what is to come again", async () => {
    const { session, raw, rpc, events } = await greeted({ maxMessageBytes: 0 });
    raw.say(...sentAll);
    await session.settle();
    expect([rpc.deliveries.length, events.deliveries.length]).toEqual([2, 2]);
    events.deliveries[0]?.settle("requeue");
    for (const { local } of [rpc, events]) {
      local.stop();
      local.close();
    }
    await session.settle();
    expect([rpc.local.ledger.inHand, events.local.ledger.inHand]).toEqual([0, 0]);
    expect(raw.heard.map(({ type }) => type).filter((type) => /BACK|REQUEUE/.test(type))).toEqual([
      "REQUEUE",
      "CALL_BACK",
      "CAST_BACK",
      "EVENT_BACK",
    ]);
  });

  test("is told that its answer is too large, and why", async () => {
    const { session, raw, rpc } = await greeted({ maxMessageBytes: 0 });
    raw.say(route(1, 1), call(0));
    await session.settle();
    const [delivery] = rpc.deliveries;
    expect(() => delivery?.settle("done", { ok: true, value: null })).toThrow(MessageTooLargeError);
    const failure = { type: "MessageTooLargeError", message: "m".repeat(1_000) };
    expect(() => delivery?.settle("done", { ok: false, failure: { ...failure, stack: "s".repeat(5_000) } })).toThrow(
      MessageTooLargeError,
    );
    delivery?.settle("done", { ok: false, failure });
    await session.settle();
    expect(raw.heard.at(-2)).toEqual({ type: "FAIL", slot: 0, generation: 0, failure });
    expect([rpc.local.ledger.inHand, session.accepted.isReady]).toEqual([0, true]);
  });
});
