import { describe, expect, test } from "vitest";
import { anEvent, newCall, newCast, newEvent, newKey, request } from "../support/lines.js";
import { readRequestRecords } from "../support/request-records.js";
import { contentOf, Session, type TestListener } from "../support/session.js";

async function serving(
  what: Parameters<Session["listen"]>[0] = {},
): Promise<{ readonly session: Session } & TestListener> {
  const session = new Session();
  const listener = session.listen(what);
  await session.open();
  return { session, ...listener };
}

describe("a listener that comes while the link is in session", () => {
  test("is advertised, noted, and usable at once", async () => {
    const { session } = await serving();
    const { deliveries } = session.listen({ address: { server: "late" } as never });
    expect(session.accepted.hasNotedAll).toBe(false);
    await session.settle();
    expect([session.owner.heard, session.accepted.hasNotedAll]).toEqual([["joined 1", "ready", "joined 2"], true]);
    const { call } = newCall(session.owner.line);
    session.dialed.sendCall(session.remote(2), call, request({ a: 1 }));
    await session.settle();
    expect(deliveries.map(contentOf)).toEqual([{ a: 1 }]);
  });
});

describe("a listener that stops", () => {
  test("is left by its dialers, who say so, and is asked for nothing more", async () => {
    const { session, local } = await serving();
    local.stop();
    expect(session.accepted.hasGivenUp(local)).toBe(false);
    session.accepted.goaway(local);
    await session.settle();
    expect(session.owner.heard).toEqual(["joined 1", "ready", "left 1"]);
    expect(session.accepted.hasGivenUp(local)).toBe(true);
    expect([session.owner.line.members.length, session.dialed.stats()["listeners"]]).toEqual([0, 0]);
    expect(session.dialed.isReady).toBe(true);
  });

  test("still gets answers out for what it has begun", async () => {
    const { session, local, deliveries } = await serving();
    const { call, sink } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    await session.settle();
    deliveries[0]?.take();
    local.stop();
    session.accepted.goaway(local);
    await session.settle();
    deliveries[0]?.beat();
    deliveries[0]?.settle("done", { ok: true, value: 1 });
    await session.settle();
    expect(sink.heard).toEqual(["beat", "end"]);
  });

  test("gives back what was not begun: a call with its body, to be sent elsewhere", async () => {
    const { session, local, deliveries } = await serving();
    const calls = [1, 2, 3].map((n) => newCall(session.owner.line, { n }));
    for (const { call } of calls) session.owner.line.post(call);
    await session.settle();
    deliveries[0]?.take();
    await session.stop({ local, deliveries });
    // In the order in which they came, and before those that came later.
    expect(session.owner.returned.map(({ body }) => body)).toEqual(
      [2, 3].map((n) => ({ params: { n }, context: {}, headers: {} })),
    );
    expect([session.owner.line.size, session.process.droppedReasons]).toEqual([2, []]);
    const other = session.listen();
    await session.settle();
    expect(other.deliveries.map(contentOf)).toEqual([{ n: 2 }, { n: 3 }]);
    deliveries[0]?.settle("done", { ok: true, value: 1 });
    for (const delivery of other.deliveries) delivery.settle("done", { ok: true, value: 2 });
    await session.settle();
    expect(calls.map(({ sink }) => sink.outcome)).toEqual([1, 2, 2].map((value) => ({ ok: true, value })));
  });

  test("gives back what arrives after it said so", async () => {
    const { session, local, deliveries } = await serving();
    local.stop();
    session.accepted.goaway(local);
    const { call } = newCall(session.owner.line, { n: 1 });
    const cast = newCast(session.owner.line, { n: 2 });
    session.owner.line.post(call);
    session.owner.line.post(cast.cast);
    await session.settle();
    expect(deliveries).toEqual([]);
    expect(session.owner.returned.map(({ what }) => what)).toEqual(["call", "cast"]);
    expect([session.owner.line.size, cast.fate.heard, session.dialed.isIdle]).toEqual([2, [], true]);
    const other = session.listen();
    await session.settle();
    expect(other.deliveries.map(contentOf)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(cast.fate.heard).toEqual(["accepted"]);
  });

  test("gives back casts that it had accepted, with all that it takes to send them again", async () => {
    const { session, local, deliveries } = await serving();
    const key = newKey({ mode: "server", namespace: "n", version: "1.1", method: "do" });
    const { cast, fate } = newCast(session.owner.line, undefined, key);
    session.dialed.sendCast(session.remote(1), cast, request({ a: 1 }, { context: { c: 1 }, headers: { h: "x" } }));
    await session.settle();
    expect(fate.heard).toEqual(["accepted"]);
    await session.stop({ local, deliveries });
    expect(session.owner.returned).toEqual([
      {
        what: "cast, accepted before",
        names: {
          exchange: "default",
          topic: "t",
          server: "s",
          mode: "server",
          namespace: "n",
          version: "1.1",
          method: "do",
        },
        body: { params: { a: 1 }, context: { c: 1 }, headers: { h: "x" } },
      },
    ]);
    session.pair.break();
    expect(session.owner.lostCasts).toBe(0);
  });

  test("keeps its part of a fanout to itself: it was for nobody else", async () => {
    const { session, local } = await serving();
    const key = newKey({ mode: "fanout" });
    const parts = [newCast(session.owner.line, {}, key), newCast(session.owner.line, {}, key)];
    session.dialed.sendCast(session.remote(1), parts[0]?.cast ?? newCast(session.owner.line).cast, request({}));
    await session.settle();
    local.stop();
    session.accepted.goaway(local);
    session.dialed.sendCast(session.remote(1), parts[1]?.cast ?? newCast(session.owner.line).cast, request({}));
    await session.settle();
    local.close();
    await session.settle();
    expect(session.owner.returned).toEqual([]);
    expect(parts.map(({ fate }) => fate.heard)).toEqual([["accepted"], ["accepted"]]);
    expect(session.process.droppedReasons).toEqual([
      "a fanout that came as its server stopped",
      "a fanout that its server did not begin before it stopped",
    ]);
    expect(session.dialed.isIdle).toBe(true);
  });

  test("gives back events, accepted and not, for their pool and at their attempt", async () => {
    const { session, local, deliveries } = await serving({ kind: "events", pool: "p" });
    const { events } = session.owner;
    events.post(newEvent(events, { payload: 1 }, 2).event);
    await session.settle();
    local.stop();
    session.accepted.goaway(local);
    const late = newEvent(events, { payload: 2 });
    events.post(late.event);
    await session.settle();
    local.close();
    await session.settle();
    const names = { exchange: "default", topic: "t", pool: "p", priority: "info" };
    expect(session.owner.returned).toEqual([
      { what: "event", names: { ...names, attempt: 1 }, body: { ...anEvent, payload: 2 } },
      { what: "event, accepted before", names: { ...names, attempt: 2 }, body: { ...anEvent, payload: 1 } },
    ]);
    expect([deliveries.length, session.dialed.isIdle]).toEqual([1, true]);
  });

  test("gives back what a dialer that was too slow to agree still sends, by routes that are new as well", async () => {
    const { session, local } = await serving();
    session.pair.listener.isHeld = true;
    local.stop();
    session.accepted.goaway(local);
    await session.settle();
    // It took too long: the listener is closed without an answer.
    local.close();
    session.accepted.forgetListener(local);
    session.process.byId.delete(local.id);
    const { line } = session.owner;
    const messages = [newCall(line, { n: 1 }).call, newCast(line, { n: 2 }, newKey({ method: "new" })).cast];
    for (const message of messages) line.post(message);
    await session.settle();
    session.pair.listener.isHeld = false;
    await session.settle();
    expect(session.owner.returned).toMatchObject([
      { what: "call" },
      { what: "cast", names: { exchange: "default", topic: "t", method: "new" }, body: { params: { n: 2 } } },
    ]);
    expect([session.dialed.isReady, session.owner.line.size, session.process.droppedReasons]).toEqual([true, 2, []]);
  });

  test("and events of its pool, and what credit it asked back meanwhile does no harm", async () => {
    const { session, local } = await serving({ kind: "events", pool: "p", credit: 4 });
    const other = new Session();
    other.process.byId.set(local.id, local);
    await other.open();
    session.pair.listener.isHeld = true;
    for (let n = 0; n < 9; n++) other.owner.events.post(newEvent(other.owner.events).event);
    await other.settle();
    await session.settle();
    local.stop();
    session.accepted.goaway(local);
    local.close();
    session.accepted.forgetListener(local);
    session.process.byId.delete(local.id);
    session.owner.events.post(newEvent(session.owner.events, { payload: 7 }).event);
    session.pair.listener.isHeld = false;
    await session.settle();
    expect(session.owner.returned).toMatchObject([
      { names: { topic: "t", pool: "p", attempt: 1 }, body: { payload: 7 } },
    ]);
    expect([session.dialed.isReady, session.process.droppedReasons]).toEqual([true, []]);
    expect(session.accepted.hasGivenUp(local)).toBe(true);
  });

  test("says nothing of a cancelled call", async () => {
    const { session, local, deliveries } = await serving();
    const { call } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    await session.settle();
    call.cancel("aborted");
    await session.settle();
    await session.stop({ local, deliveries });
    expect([session.owner.returned, session.owner.droppedReasons]).toEqual([[], []]);
  });

  test("drops what it would give back to somebody who is gone, and counts it", async () => {
    const { session, local } = await serving();
    session.owner.line.post(newCall(session.owner.line, {}).call);
    session.owner.line.post(newCast(session.owner.line, {}).cast);
    await session.settle();
    session.pair.break();
    local.stop();
    local.close();
    // The call's caller is gone, which cancelled it.
    expect(session.process.droppedReasons).toEqual(["a message to be handed back, whose sender is gone"]);
    expect([local.ledger.inHand, local.ledger.free]).toEqual([0, 16]);
  });

  test("is closed only to itself: the others of its process stay", async () => {
    const { session, local, deliveries } = await serving();
    const other = session.listen();
    await session.settle();
    await session.stop({ local, deliveries });
    session.owner.line.post(newCall(session.owner.line, {}).call);
    await session.settle();
    expect([deliveries.length, other.deliveries.length]).toEqual([0, 1]);
  });
});

test("a call given back after its caller gave it up is dropped, and counted", async () => {
  const { session, local, deliveries } = await serving();
  const { call, sink } = newCall(session.owner.line, {});
  session.owner.line.post(call);
  await session.settle();
  session.pair.dialer.isHeld = true;
  call.cancel("aborted");
  await session.settle();
  local.stop();
  local.close();
  await session.settle();
  expect(session.owner.droppedReasons).toEqual(["a call given back that nobody waits for"]);
  expect([sink.heard, deliveries.length, session.owner.line.size]).toEqual([[], 1, 0]);
});

test("adverts and goaways are numbered together, and noted together", async () => {
  const { session, local } = await serving();
  session.listen();
  local.stop();
  session.accepted.goaway(local);
  session.listen();
  await session.settle();
  const noted = session.pair.dialer.arrived
    .slice(1)
    .flatMap((frame) => readRequestRecords(frame))
    .filter(({ type }) => type === "NOTED" || type === "GAVE_UP");
  expect(noted).toEqual([
    { type: "NOTED", adverts: 1 },
    { type: "GAVE_UP", listener: 1 },
    { type: "NOTED", adverts: 4 },
  ]);
  expect(session.accepted.hasNotedAll).toBe(true);
});
