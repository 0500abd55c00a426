import { describe, expect, test } from "vitest";
import { newCall, newCast } from "../support/lines.js";
import { type RequestRecord, readRequestRecords } from "../support/request-records.js";
import { readResponseRecords } from "../support/response-records.js";
import { contentOf, Session, type TestListener } from "../support/session.js";

async function serving(credit: number): Promise<{ readonly session: Session } & TestListener> {
  const session = new Session();
  const listener = session.listen({ credit });
  await session.open();
  return { session, ...listener };
}

const saidByDialer = (session: Session): RequestRecord[] =>
  session.pair.dialer.arrived.slice(1).flatMap((frame) => readRequestRecords(frame));

describe("credit", () => {
  test("begins with half of what the listener has", async () => {
    const { session, local } = await serving(10);
    expect([session.remote(1).tokens, local.ledger.free, local.ledger.outstanding]).toEqual([5, 5, 5]);
  });

  test("is used by each message, and a lone client is asked to wait only where all of it is in hand", async () => {
    const { session, deliveries, local } = await serving(4);
    const calls = Array.from({ length: 6 }, (_, n) => newCall(session.owner.line, { n }));
    for (const { call } of calls) session.owner.line.post(call);
    expect(session.owner.line.size).toBe(4);
    await session.settle();
    expect([deliveries.length, session.owner.line.size, local.ledger.inHand]).toEqual([4, 2, 4]);
    expect(session.remote(1).canSend).toBe(false);
    deliveries[0]?.settle("done", { ok: true, value: null });
    await session.settle();
    expect([deliveries.length, local.ledger.inHand]).toEqual([5, 4]);
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: null });
    await session.settle();
    expect(deliveries.map(contentOf)).toEqual([0, 1, 2, 3, 4, 5].map((n) => ({ n })));
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: null });
    await session.settle();
    expect(local.ledger.outstanding + local.ledger.free).toBe(4);
    expect(session.remote(1).tokens).toBe(local.ledger.outstanding);
  });

  test("is asked for by how much waits, bounded, and only when that is news", async () => {
    const { session } = await serving(2);
    for (let n = 0; n < 1_000; n++) session.owner.line.post(newCast(session.owner.line, { n }).cast);
    await session.settle();
    const wants = saidByDialer(session).filter(({ type }) => type === "WANT");
    expect(wants[0]).toEqual({ type: "WANT", listener: 1, messages: 256 });
    expect(wants).toHaveLength(1);
  });

  test("is asked for again when less than half of what waits is still promised", async () => {
    const { session, deliveries } = await serving(2);
    for (let n = 0; n < 600; n++) session.owner.line.post(newCast(session.owner.line, { n }).cast);
    for (let settled = 0; settled < 600; settled++) {
      if (deliveries[settled] === undefined) await session.settle();
      deliveries[settled]?.settle("done");
    }
    await session.settle();
    expect(deliveries).toHaveLength(600);
    const wants = saidByDialer(session).flatMap((record) => (record.type === "WANT" ? [record.messages] : []));
    expect(wants.slice(0, 3)).toEqual([256, 256, 256]);
    expect(wants.length).toBeLessThan(20);
  });

  test("is asked for no more when nothing waits any more", async () => {
    const { session, deliveries } = await serving(1);
    const first = newCall(session.owner.line, {});
    const second = newCall(session.owner.line, {});
    session.owner.line.post(first.call);
    session.owner.line.post(second.call);
    await session.settle();
    expect(second.call.cancel("aborted")).toBe("no-credit");
    session.dialed.tellWant(session.remote(1));
    await session.settle();
    expect(saidByDialer(session).filter(({ type }) => type === "WANT")).toEqual([
      { type: "WANT", listener: 1, messages: 1 },
      { type: "WANT", listener: 1, messages: 0 },
    ]);
    deliveries[0]?.settle("done", { ok: true, value: 1 });
    await session.settle();
    expect(deliveries).toHaveLength(1);
  });

  test("that a client does not use is taken back for another that waits", async () => {
    const { session, local } = await serving(8);
    const other = new Session();
    other.process.byId.set(local.id, local);
    await other.open();
    expect([session.remote(1).tokens, other.remote(1).tokens, local.ledger.free]).toEqual([4, 2, 2]);
    for (let n = 0; n < 20; n++) other.owner.line.post(newCall(other.owner.line, { n }).call);
    await other.settle();
    await session.settle();
    await other.settle();
    expect([session.remote(1).tokens, local.ledger.inHand, local.ledger.free]).toEqual([0, 8, 0]);
    expect(saidByDialer(session)).toContainEqual({ type: "RETURN", listener: 1, tokens: 4 });
    // And the other way round, as soon as there is some.
    session.owner.line.post(newCall(session.owner.line, { mine: 1 }).call);
    await session.settle();
    expect(session.owner.line.size).toBe(1);
  });

  test("that is asked back when it has just been used is answered with none", async () => {
    const { session, local } = await serving(2);
    const other = new Session();
    other.process.byId.set(local.id, local);
    await other.open();
    expect([session.remote(1).tokens, other.remote(1).tokens]).toEqual([1, 1]);
    for (let n = 0; n < 3; n++) other.owner.line.post(newCall(other.owner.line, { n }).call);
    // Before it hears of the wish, this one uses what it has.
    session.owner.line.post(newCall(session.owner.line, { mine: 1 }).call);
    await other.settle();
    await session.settle();
    expect(saidByDialer(session)).toContainEqual({ type: "RETURN", listener: 1, tokens: 0 });
    expect([local.ledger.inHand, local.ledger.outstanding, local.ledger.free]).toEqual([2, 0, 0]);
  });

  test("that is made more is given out to who waits; made less, it is taken back", async () => {
    const { session, deliveries, local } = await serving(2);
    for (let n = 0; n < 10; n++) session.owner.line.post(newCall(session.owner.line, { n }).call);
    await session.settle();
    expect(deliveries).toHaveLength(2);
    local.ledger.resize(5);
    await session.settle();
    expect(deliveries).toHaveLength(5);
    local.ledger.resize(1);
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: 1 });
    await session.settle();
    expect([deliveries.length, local.ledger.inHand]).toEqual([6, 1]);
  });

  test("of a link that has ended is free for others; what it had sent stays in hand", async () => {
    const { session, deliveries, local } = await serving(4);
    session.owner.line.post(newCast(session.owner.line, {}).cast);
    await session.settle();
    session.pair.break();
    expect([local.ledger.outstanding, local.ledger.inHand, local.ledger.free]).toEqual([0, 1, 3]);
    deliveries[0]?.settle("done");
    expect([local.ledger.inHand, local.ledger.free]).toEqual([0, 4]);
  });

  test("and adverts are written once a tick, however many messages were settled", async () => {
    const { session, deliveries } = await serving(64);
    for (let n = 0; n < 20; n++) session.owner.line.post(newCast(session.owner.line, { n }).cast);
    await session.settle();
    const before = session.pair.listener.arrived.length;
    for (const delivery of deliveries) delivery.settle("done");
    await session.settle();
    const frames = session.pair.listener.arrived.slice(before);
    expect(frames).toHaveLength(1);
    expect(frames.flatMap((frame) => readResponseRecords(frame))).toEqual([
      { type: "HANDLED", messages: 20 },
      { type: "CREDIT", listener: 1, tokens: 20 },
    ]);
  });
});

describe("an engine without room", () => {
  test("lets messages wait in their line, from where another server may take them", async () => {
    const { session, deliveries } = await serving(64);
    session.pair.dialer.room = 0;
    session.owner.line.post(newCall(session.owner.line, { n: 0 }).call);
    await session.settle();
    expect([session.dialed.outbox.isChoked, session.dialed.canSend]).toEqual([true, false]);
    for (let n = 1; n < 4; n++) session.owner.line.post(newCall(session.owner.line, { n }).call);
    await session.settle();
    expect([session.owner.line.size, deliveries.length]).toEqual([3, 0]);
    session.pair.dialer.unchoke();
    await session.settle();
    expect(deliveries.map(contentOf)).toEqual([0, 1, 2, 3].map((n) => ({ n })));
  });

  test("on the server's side keeps its credit from a client that does not read", async () => {
    const { session, deliveries, local } = await serving(2);
    session.pair.listener.room = 0;
    for (let n = 0; n < 4; n++) session.owner.line.post(newCall(session.owner.line, { n }).call);
    await session.settle();
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: 1 });
    await session.settle();
    expect(session.accepted.isChoked).toBe(true);
    expect(local.ledger.free + local.ledger.outstanding).toBe(2);
    session.pair.listener.unchoke();
    await session.settle();
    for (const delivery of deliveries) delivery.settle("done", { ok: true, value: 1 });
    await session.settle();
    expect(deliveries).toHaveLength(4);
  });
});
