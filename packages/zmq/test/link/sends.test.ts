import { describe, expect, test } from "vitest";
import { LocalListener } from "../../src/serving/local-listener.js";
import { anEvent, newCall, newCast, newEvent, newKey, request } from "../support/lines.js";
import { readResponseRecords } from "../support/response-records.js";
import { contentOf, Session, type TestListener } from "../support/session.js";

async function serving(
  what: Parameters<Session["listen"]>[0] = {},
): Promise<{ readonly session: Session } & TestListener> {
  const session = new Session();
  const listener = session.listen(what);
  await session.open();
  return { session, ...listener };
}

const answers = (session: Session): { readonly type: string }[] =>
  session.pair.listener.arrived.slice(1).flatMap((frame) => readResponseRecords(frame));

describe("casts", () => {
  test("arrive in order, and are accepted together, by one mark for the batch", async () => {
    const { session, deliveries } = await serving();
    const casts = Array.from({ length: 5 }, (_, n) => newCast(session.owner.line, { n }));
    for (const { cast } of casts) session.owner.line.post(cast);
    await session.settle();
    expect(deliveries.map(contentOf)).toEqual([0, 1, 2, 3, 4].map((n) => ({ n })));
    expect(deliveries.every(({ wantsReply, attempt }) => !wantsReply && attempt === 1)).toBe(true);
    expect(casts.map(({ fate }) => fate.heard)).toEqual(casts.map(() => ["accepted"]));
    expect(answers(session).filter(({ type }) => type === "ACCEPTED")).toEqual([{ type: "ACCEPTED", sequence: 5 }]);
    expect([session.remote(1).inFlight, session.dialed.stats()["castsAccepted"]]).toEqual([0, 5]);
  });

  test("are accepted before they are handled; the link is idle when they are handled too", async () => {
    const { session, deliveries } = await serving();
    const { cast, fate } = newCast(session.owner.line, {});
    session.owner.line.post(cast);
    await session.settle();
    expect([fate.heard, session.dialed.isIdle, session.dialed.stats()["castsHandled"]]).toEqual([
      ["accepted"],
      false,
      0,
    ]);
    deliveries[0]?.take();
    deliveries[0]?.settle("done");
    await session.settle();
    expect([session.dialed.isIdle, session.dialed.stats()["castsHandled"]]).toEqual([true, 1]);
  });

  test("share their numbers with calls, which need no mark of their own", async () => {
    const { session } = await serving();
    const { line } = session.owner;
    const call = newCall(line, {});
    const [first, second] = [newCast(line, {}), newCast(line, {})];
    for (const message of [first.cast, call.call, second.cast]) line.post(message);
    await session.settle();
    expect([first.cast.sequence, call.call.sequence, second.cast.sequence]).toEqual([1, 2, 3]);
    expect([first.fate.heard, call.sink.heard, second.fate.heard]).toEqual([["accepted"], [], ["accepted"]]);
  });

  test("that are parts of a fanout say so", async () => {
    const { session, deliveries } = await serving();
    const { cast } = newCast(session.owner.line, {}, newKey({ mode: "fanout" }));
    session.dialed.sendCast(session.remote(1), cast, request({ a: 1 }));
    await session.settle();
    expect(deliveries[0]?.to).toEqual({ realm: "", exchange: "default", topic: "t", fanout: true });
  });

  test("cannot be cancelled once they were sent, and run though nobody waits", async () => {
    const { session, deliveries } = await serving();
    const { cast, fate } = newCast(session.owner.line, {});
    session.owner.line.post(cast);
    expect(cast.abandon()).toBe("sent");
    await session.settle();
    expect([deliveries[0]?.take(), fate.heard]).toEqual([true, []]);
  });

  test("that a process had accepted and not handled when it died are counted as lost; what it had not, is failed", async () => {
    const { session, deliveries } = await serving();
    const casts = Array.from({ length: 3 }, () => newCast(session.owner.line, {}));
    for (const { cast } of casts) session.owner.line.post(cast);
    await session.settle();
    deliveries[0]?.settle("done");
    await session.settle();
    session.pair.listener.isHeld = true;
    const late = newCast(session.owner.line, {});
    session.owner.line.post(late.cast);
    await session.settle();
    session.pair.break();
    expect(session.owner.lostCasts).toBe(2);
    expect(late.fate.error).toMatchObject({ code: "ERR_CONNECTION_LOST", mayHaveRun: true });
    expect(casts.map(({ fate }) => fate.heard)).toEqual(casts.map(() => ["accepted"]));
  });
});

describe("events", () => {
  const listener = { kind: "events", pool: "p", priorities: ["info"] } as const;

  test("arrive as they were sent", async () => {
    const { session, deliveries } = await serving(listener);
    const body = { ...anEvent, payload: [1, "x"], context: { c: 1 }, headers: { h: "x" } };
    const { event, fate } = newEvent(session.owner.events, body, 3);
    session.owner.events.post(event);
    await session.settle();
    expect(deliveries[0]).toMatchObject({ wantsReply: false, attempt: 3, peer: "dialer" });
    const { message } = deliveries[0] ?? {};
    expect({ ...message }).toEqual({ kind: "event", priority: "info", ...body });
    expect(deliveries[0]?.to).toEqual({ realm: "", exchange: "default", topic: "t" });
    expect(fate.heard).toEqual(["accepted"]);
  });

  test("that are asked for again go back to their sender with what was sent, and another number", async () => {
    const { session, deliveries } = await serving(listener);
    session.owner.events.post(newEvent(session.owner.events, { payload: { a: 1 } }).event);
    await session.settle();
    const { message } = deliveries[0] ?? {};
    deliveries[0]?.take();
    // What a handler does to it stays with the handler.
    if (message?.kind === "event") Object.assign(message.payload as object, { a: 2 });
    deliveries[0]?.settle("requeue", undefined, { delayMs: 41.7 });
    await session.settle();
    expect(session.owner.returned).toEqual([
      {
        what: "requeued 42",
        names: { exchange: "default", topic: "t", pool: "p", priority: "info", attempt: 2 },
        body: { ...anEvent, payload: { a: 1 } },
      },
    ]);
    expect([session.dialed.isIdle, session.remote(1).tokens]).toEqual([true, 8]);
  });

  test("that are asked for again when their sender is gone come to the same listener, after the delay", async () => {
    const { session, deliveries, local } = await serving({ ...listener, credit: 2 });
    session.owner.events.post(newEvent(session.owner.events, { payload: { a: 1 } }).event);
    await session.settle();
    session.pair.break();
    const { message } = deliveries[0] ?? {};
    if (message?.kind === "event") Object.assign(message.payload as object, { a: 2 });
    deliveries[0]?.settle("requeue", undefined, { delayMs: 50 });
    session.process.clock.advance(49);
    expect([deliveries.length, local.ledger.inHand]).toEqual([1, 1]);
    session.process.clock.advance(1);
    expect([deliveries.length, deliveries[1]?.attempt, local.ledger.inHand]).toEqual([2, 2, 1]);
    expect(contentOf(deliveries[1] as never)).toEqual({ a: 1 });
    deliveries[1]?.settle("done");
    expect([local.ledger.inHand, local.ledger.free]).toEqual([0, 2]);
  });

  test("and are dropped, and counted, where that listener has stopped meanwhile", async () => {
    const { session, deliveries, local } = await serving(listener);
    session.owner.events.post(newEvent(session.owner.events).event);
    await session.settle();
    session.pair.break();
    deliveries[0]?.settle("requeue", undefined, { delayMs: 50 });
    local.stop();
    session.process.clock.advance(50);
    expect([deliveries.length, local.ledger.inHand]).toEqual([1, 0]);
    expect(session.process.droppedReasons).toEqual(["an event to be delivered again, whose listener has stopped"]);
  });

  test("of one link and listener share a route", async () => {
    const { session, deliveries } = await serving(listener);
    for (let n = 0; n < 2; n++) session.owner.events.post(newEvent(session.owner.events).event);
    await session.settle();
    expect(deliveries[0]?.route).toBe(deliveries[1]?.route);
  });
});

test("what comes while `listen` has not resolved is held, and delivered in order when it has", async () => {
  const session = new Session();
  await session.open();
  const got: unknown[] = [];
  const what = { kind: "rpc", address: { realm: "", exchange: "default", topic: "t", server: "s" } } as const;
  const local = new LocalListener(1, what, (delivery) => got.push(contentOf(delivery)), 4);
  session.process.byId.set(1, local);
  session.accepted.advertise(local);
  await session.settle();
  for (const n of [1, 2]) session.owner.line.post(newCast(session.owner.line, { n }).cast);
  await session.settle();
  expect([got, local.ledger.inHand]).toEqual([[], 2]);
  local.open();
  local.open();
  expect(got).toEqual([{ n: 1 }, { n: 2 }]);
});
