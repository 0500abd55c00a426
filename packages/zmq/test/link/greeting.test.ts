import { expect, test } from "vitest";
import { newCall } from "../support/lines.js";
import { Session } from "../support/session.js";

test("HELLO and WELCOME make a session, whose listeners are known at once", async () => {
  const session = new Session({ realm: "r" });
  session.listen();
  session.listen({ kind: "events", pool: "p" });
  await session.open();
  expect(session.owner.heard).toEqual(["joined 1", "joined 2", "ready"]);
  expect(session.process.heard).toEqual(["greeted", "answered"]);
  expect([session.dialed.isReady, session.accepted.isReady, session.dialed.isIdle]).toEqual([true, true, true]);
  expect([session.dialed.peerName, session.accepted.peerName]).toEqual(["server", "dialer"]);
  expect(session.dialed.incarnation).toBe("run-1");
  expect(session.accepted.hasNotedAll).toBe(true);
});

test("a server without listeners is in session too", async () => {
  const session = await new Session().open();
  expect(session.owner.heard).toEqual(["ready"]);
  expect(session.dialed.isReady).toBe(true);
});

test("the session's number is the dialer's, new for each link, and part of each request's id", async () => {
  const session = new Session();
  const { deliveries } = session.listen();
  await session.open();
  session.owner.line.post(newCall(session.owner.line, {}).call);
  session.owner.line.post(newCall(session.owner.line, {}).call);
  await session.settle();
  expect(deliveries.map(({ message }) => message.id)).toEqual(["0101010101010101-1", "0101010101010101-2"]);
});

test.each([
  { code: "realm", options: { realm: "a", serverRealm: "b" } },
  { code: "realm", options: { realm: "A", serverRealm: "a" } },
  { code: "incarnation", options: { meant: "run-0" } },
])("a dialer that meant another is refused: $code $options", async ({ code, options }) => {
  const session = new Session(options);
  session.listen();
  await session.open();
  expect(session.owner.end?.refusal?.code).toBe(code);
  expect(session.owner.end?.isOrderly).toBe(false);
  expect(session.owner.heard).toEqual(["ended"]);
  expect(session.process.droppedReasons).toEqual([expect.stringMatching(new RegExp(`^${code}: `))]);
  expect(session.process.heard).toEqual(["ended"]);
});

test("the run that is meant is the one that answers", async () => {
  const session = await new Session({ meant: "run-1" }).open();
  expect(session.dialed.isReady).toBe(true);
});

test("a process that closes refuses in good order", async () => {
  const session = new Session();
  session.process.isClosing = true;
  await session.open();
  expect(session.owner.end).toMatchObject({ refusal: { code: "closing" }, isOrderly: true });
});

test("who says nothing is told that no HELLO came, and the link ends", async () => {
  const session = new Session();
  session.pair.dialer.isHeld = true;
  await session.open();
  expect(session.accepted.isFresh).toBe(true);
  session.accepted.giveUpOnHello();
  await session.settle();
  expect(session.owner.end?.refusal).toMatchObject({ code: "protocol", text: "no HELLO came" });
  expect(session.process.droppedReasons).toEqual(["protocol: no HELLO came"]);
});

test("a link that ends before it was welcomed ended in the handshake", async () => {
  const session = new Session();
  session.pair.listener.isHeld = true;
  await session.open();
  session.pair.break();
  expect(session.owner.end).toMatchObject({ reason: "handshake", refusal: undefined, isOrderly: false });
});

test("a link that ends between WELCOME and its last advert was there and is lost", async () => {
  const session = new Session();
  session.listen();
  session.pair.listener.isHeld = true;
  await session.open();
  // Only the first frame, which is WELCOME alone.
  session.pair.listener.moveOne();
  expect(session.dialed.stats()["state"]).toBe("welcomed");
  expect([session.dialed.isReady, session.owner.readyCount]).toEqual([false, 0]);
  session.pair.break();
  expect(session.owner.end).toMatchObject({ reason: "lost" });
});

test("the engine's own reasons are passed on", async () => {
  for (const reason of ["refused", "failed", "silent"] as const) {
    const session = new Session();
    session.pair.listener.isHeld = true;
    await session.open();
    session.pair.break(reason, "because");
    expect(session.owner.end).toMatchObject({ reason, detail: "because" });
    await session.dialed.gone;
    await session.accepted.gone;
  }
});

test("each side sends no more than the other takes", async () => {
  const session = await new Session({ dialerMaxBytes: 1_000, serverMaxBytes: 2_000 }).open();
  expect([session.dialed.outbox.maxMessageBytes, session.accepted.outbox.maxMessageBytes]).toEqual([1_000, 1_000]);
});

test("a link knows its state, for people", async () => {
  const session = new Session();
  session.listen();
  expect(session.dialed.stats()).toMatchObject({ direction: "dialled", state: "dialling", peer: "tcp://server:1" });
  await session.open();
  expect(session.dialed.stats()).toMatchObject({ state: "ready", peer: "server", listeners: 1, callsInFlight: 0 });
  expect(session.accepted.stats()).toMatchObject({
    direction: "accepted",
    state: "ready",
    peer: "dialer",
    received: 0,
  });
  session.pair.break();
  expect([session.dialed.stats()["state"], session.accepted.stats()["state"]]).toEqual(["ended", "ended"]);
});
