import { describe, expect, test } from "vitest";
import { newCall, newCast, request } from "../support/lines.js";
import { contentOf, Session, type TestListener } from "../support/session.js";

async function serving(): Promise<{ readonly session: Session } & TestListener> {
  const session = new Session();
  const listener = session.listen();
  await session.open();
  return { session, ...listener };
}

describe("a link that breaks", () => {
  test("loses what was sent and not answered, which may have run, and nothing else", async () => {
    const { session } = await serving();
    const { line } = session.owner;
    const sent = newCall(line, { n: 1 });
    line.post(sent.call);
    await session.settle();
    session.pair.dialer.room = 0;
    const unsentCall = newCall(line, { n: 2 });
    const unsentCast = newCast(line, { n: 3 });
    line.post(unsentCall.call);
    line.post(unsentCast.cast);
    await session.settle();
    const waiting = newCall(line, { n: 4 });
    line.post(waiting.call);
    session.pair.break();
    expect(sent.sink).toMatchObject({ heard: ["lost"], mayHaveRun: true });
    expect(sent.sink.error).toMatchObject({ code: "ERR_CONNECTION_LOST", mayHaveRun: true });
    expect(session.owner.returned).toEqual([{ what: "unsent" }, { what: "unsent" }]);
    expect(line.takeAll()).toEqual([unsentCall.call, unsentCast.cast, waiting.call]);
    expect([unsentCall.sink.heard, unsentCast.fate.heard, waiting.sink.heard]).toEqual([[], [], []]);
  });

  test("what was never sent goes to another server, as it was", async () => {
    const { session } = await serving();
    const { line } = session.owner;
    session.pair.dialer.room = 0;
    const calls = [1, 2].map((n) => newCall(line, { n }));
    for (const { call } of calls) line.post(call);
    await session.settle();
    session.pair.break();
    const other = new Session();
    const { deliveries } = other.listen();
    await other.open();
    line.join(other.remote(1));
    await other.settle();
    expect(deliveries.map(contentOf)).toEqual([{ n: 1 }, { n: 2 }]);
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: 1 });
    await other.settle();
    expect(calls.map(({ sink }) => sink.heard)).toEqual([["end"], ["end"]]);
  });

  test("leaves its line before its keeper hears of the end", async () => {
    const { session } = await serving();
    session.pair.break();
    expect(session.owner.heard).toEqual(["joined 1", "ready", "left 1", "ended"]);
    expect(session.owner.line.members).toEqual([]);
    await session.dialed.gone;
  });

  test("tells handlers that their callers are gone, and keeps what runs in hand", async () => {
    const { session, deliveries, local } = await serving();
    session.owner.line.post(newCall(session.owner.line, {}).call);
    await session.settle();
    const heard: string[] = [];
    deliveries[0]?.onCancel((reason) => heard.push(reason));
    deliveries[0]?.take();
    session.pair.break();
    expect([heard, local.ledger.inHand, session.process.heard.at(-1)]).toEqual([["gone"], 1, "ended"]);
    deliveries[0]?.beat();
    deliveries[0]?.settle("done", { ok: true, value: 1 });
    expect([local.ledger.inHand, session.process.droppedReasons]).toEqual([
      0,
      ["an answer that nobody waits for any more"],
    ]);
  });

  test("answers those who wait for a confirmation", async () => {
    const { session } = await serving();
    const heard: boolean[] = [];
    session.pair.listener.isHeld = true;
    session.dialed.confirm((isOpen) => heard.push(isOpen));
    await session.settle();
    expect([heard, session.dialed.isIdle]).toEqual([[], false]);
    session.pair.break();
    session.dialed.confirm((isOpen) => heard.push(isOpen));
    expect(heard).toEqual([false, false]);
  });
});

describe("PING and PONG", () => {
  test("confirm in order, when all that was said before has been heard", async () => {
    const { session } = await serving();
    const heard: string[] = [];
    session.dialed.confirm(() => heard.push("first"));
    session.dialed.ping();
    session.listen();
    session.dialed.confirm(() => heard.push(`second, knowing ${[...session.dialed.listeners].length}`));
    await session.settle();
    expect(heard).toEqual(["first", "second, knowing 2"]);
    expect(session.dialed.isIdle).toBe(true);
  });
});

describe("a dialer that leaves", () => {
  test("says BYE, and both sides end in good order", async () => {
    const { session, local } = await serving();
    session.dialed.leave();
    await session.settle();
    expect(session.owner.end).toMatchObject({ isOrderly: true, reason: "cut" });
    expect([session.process.heard.at(-1), session.process.droppedReasons]).toEqual(["ended", []]);
    expect([local.ledger.free, local.ledger.outstanding]).toEqual([16, 0]);
    await session.dialed.gone;
    await session.accepted.gone;
  });

  test("sends what was written before", async () => {
    const { session, deliveries } = await serving();
    session.owner.line.post(newCast(session.owner.line, { a: 1 }).cast);
    session.dialed.leave();
    await session.settle();
    expect(deliveries.map(contentOf)).toEqual([{ a: 1 }]);
    expect(session.owner.end).toMatchObject({ isOrderly: false });
    // Who leaves has lost nothing.
    expect(session.owner.lostCasts).toBe(0);
  });

  test("has not lost what the other side accepted, and still handles", async () => {
    const { session } = await serving();
    session.owner.line.post(newCast(session.owner.line, {}).cast);
    await session.settle();
    session.dialed.leave();
    await session.settle();
    expect([session.owner.lostCasts, session.owner.end?.isOrderly]).toEqual([0, false]);
  });

  test("takes no message more: behind BYE nobody would read it", async () => {
    const { session, deliveries } = await serving();
    const remote = session.remote(1);
    session.dialed.leave();
    expect([remote.canSend, session.owner.line.members.length]).toEqual([false, 0]);
    const { call, sink } = newCall(session.owner.line, { a: 1 });
    session.owner.line.post(call);
    await session.settle();
    expect([deliveries.length, sink.heard, session.owner.line.size]).toEqual([0, [], 1]);
    expect(session.owner.heard.filter((what) => what.startsWith("left"))).toEqual(["left 1"]);
  });

  test("has no use for a listener that is advertised meanwhile", async () => {
    const { session } = await serving();
    session.pair.dialer.isHeld = true;
    session.dialed.leave();
    const { deliveries } = session.listen();
    await session.settle();
    expect(session.remote(2).canSend).toBe(false);
    session.owner.line.post(newCall(session.owner.line, {}).call);
    session.pair.dialer.isHeld = false;
    await session.settle();
    expect(deliveries).toEqual([]);
    expect(session.owner.heard).toEqual(["joined 1", "ready", "left 1", "ended"]);
  });

  test("before it was welcomed simply ends", async () => {
    const session = new Session();
    session.pair.listener.isHeld = true;
    await session.open();
    session.dialed.leave();
    await session.settle();
    expect([session.owner.end?.reason, session.dialed.isOpen]).toEqual(["cut", false]);
    session.dialed.leave();
  });
});

describe("a server that leaves", () => {
  test("says what it has handled, then BYE, and its dialers lose nothing that was settled", async () => {
    const { session, deliveries } = await serving();
    session.owner.line.post(newCast(session.owner.line, {}).cast);
    const { call, sink } = newCall(session.owner.line, {});
    session.owner.line.post(call);
    await session.settle();
    deliveries[0]?.settle("done");
    deliveries[1]?.settle("done", { ok: true, value: 1 });
    session.accepted.leave();
    await session.settle();
    expect([sink.heard, session.owner.lostCasts]).toEqual([["end"], 0]);
    expect(session.owner.end).toMatchObject({ isOrderly: true, detail: "the peer closed" });
  });

  test("with casts that it had accepted and not handled has lost them, which is counted", async () => {
    const { session } = await serving();
    for (let n = 0; n < 3; n++) session.owner.line.post(newCast(session.owner.line, { n }).cast);
    await session.settle();
    session.accepted.leave();
    await session.settle();
    expect(session.owner.lostCasts).toBe(3);
  });

  test("reads nothing more, and answers nothing", async () => {
    const { session, deliveries } = await serving();
    session.pair.dialer.isHeld = true;
    session.owner.line.post(newCall(session.owner.line, {}).call);
    await session.settle();
    session.accepted.leave();
    session.accepted.leave();
    session.pair.dialer.isHeld = false;
    await session.settle();
    expect(deliveries).toEqual([]);
  });

  test("while a call is being sent to it leaves its caller in doubt", async () => {
    const { session } = await serving();
    const { call, sink } = newCall(session.owner.line);
    session.pair.dialer.isHeld = true;
    session.dialed.sendCall(session.remote(1), call, request({}));
    await session.settle();
    session.accepted.leave();
    await session.settle();
    expect(sink).toMatchObject({ heard: ["lost"], mayHaveRun: true });
  });
});

test("a link that is cut here ends at once, and drops what waits", async () => {
  const { session, deliveries } = await serving();
  session.owner.line.post(newCast(session.owner.line, {}).cast);
  session.dialed.cut("for a reason");
  await session.settle();
  expect(session.owner.end).toMatchObject({ reason: "cut", detail: "for a reason", isOrderly: false });
  expect(deliveries).toEqual([]);
});
