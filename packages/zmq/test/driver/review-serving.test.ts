import { REQUEUE } from "@trunkline/core";
import { deferred } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { CreditLedger, type Grant } from "../../src/serving/credit-ledger.js";
import { LocalListener } from "../../src/serving/local-listener.js";
import { newCall, newCast, request } from "../support/lines.js";
import { againstServer } from "../support/raw-peer.js";
import { contentOf, Session } from "../support/session.js";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";
import { until } from "../support/until.js";

/** A link that remembers what it was asked for. */
class Port {
  readonly isChoked = false;
  reclaimed = 0;
  credit(): void {}
  reclaim(_grant: Grant, tokens: number): void {
    this.reclaimed += tokens;
  }
}

test("who does not answer when tokens are asked back keeps nobody from those of others", () => {
  const ledger = new CreditLedger(16);
  const [frozen, idle, waiting] = [new Port(), new Port(), new Port()];
  ledger.open(frozen);
  const idleGrant = ledger.open(idle);
  ledger.want(ledger.open(waiting), 10);
  expect([frozen.reclaimed, idle.reclaimed]).toEqual([8, 0]);
  ledger.lookAgain();
  expect(idle.reclaimed).toBe(4);
  ledger.returned(idleGrant, 4);
  expect([ledger.free, ledger.outstanding]).toEqual([0, 16]);
});

test("casts that were accepted and never begun go back in the order sent (B11)", async () => {
  const session = new Session();
  const listener = session.listen();
  await session.open();
  for (let n = 1; n <= 4; n++)
    session.remote(1).link.sendCast(session.remote(1), newCast(session.owner.line).cast, request({ n }));
  await session.settle();
  expect(listener.deliveries.map(contentOf)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  await session.stop(listener);
  expect(session.owner.returned.map(({ body }) => (body as { params: unknown }).params)).toEqual([
    { n: 1 },
    { n: 2 },
    { n: 3 },
    { n: 4 },
  ]);
});

test("no beat is written for a caller that does not read", async () => {
  const session = new Session();
  const listener = session.listen();
  await session.open();
  const { call } = newCall(session.owner.line, {}, { monitorMs: 10 });
  session.owner.line.post(call);
  await session.settle();
  session.pair.listener.room = 0;
  const [delivery] = listener.deliveries;
  delivery?.beat();
  await session.settle();
  expect(session.accepted.isChoked).toBe(true);
  const before = session.accepted.outbox.writer.position;
  for (let beat = 0; beat < 1_000; beat++) delivery?.beat();
  expect(session.accepted.outbox.writer.position).toBe(before);
});

test("an event that was to come again after a transport closed is told as dropped, and leaves no timer (E4)", async () => {
  const url = localUrl(await runtimeDirectory());
  const serving = await opened(url);
  const dropped: string[] = [];
  serving.events.on("dropped", ({ reason }) => dropped.push(reason));
  let heard = 0;
  const hour = 3_600_000;
  const gate = deferred<void>();
  await serving.listen(
    [{ topic: "events" }],
    [
      {
        async info(): Promise<typeof REQUEUE> {
          heard++;
          await gate.promise;
          return REQUEUE;
        },
      },
    ],
    { requeueDelayMs: hour },
  );
  const emitting = await opened(url);
  await emitting.notifier({ publisherId: "p", topics: ["events"] }).info("e", {});
  await until(() => heard === 1, "the event was heard");
  await emitting.close();
  await until(() => serving.stats().gauges["server.links"] === 0, "its sender is gone");
  gate.resolve();
  await until(() => serving.stats().gauges["server.later"] === 1, "it is to come again");
  await serving.close();
  expect(dropped).toContain("an event to be delivered again, whose listener has stopped");
  expect(serving.stats().gauges["server.later"]).toBe(0);
});

test("a peer that asks on and on and never reads is cut, and harms nobody", async () => {
  const { session, raw } = againstServer();
  session.listen();
  raw.hello();
  await session.settle();
  session.pair.listener.room = 0;
  const pings = Array.from({ length: 1_000 }, () => ({ type: "PING" }) as const);
  for (let frame = 0; frame < 200 && session.accepted.isOpen; frame++) {
    raw.say(...pings);
    session.pair.dialer.move();
  }
  expect([session.accepted.isOpen, session.process.heard]).toEqual([false, ["greeted", "ended"]]);
});

test("what a delivery throws ends its link, and not the receiving of all", async () => {
  const session = new Session();
  const local = new LocalListener(
    1,
    { kind: "rpc", address: { realm: "", exchange: "default", topic: "t", server: "s" } },
    () => {
      throw new Error("not a messaging error");
    },
    4,
  );
  session.process.byId.set(1, local);
  local.open();
  await session.open();
  const { call, sink } = newCall(session.owner.line, {});
  session.owner.line.post(call);
  await session.settle();
  expect([session.accepted.isOpen, sink.heard]).toEqual([false, ["lost"]]);
  expect(session.process.droppedReasons).toEqual([expect.stringContaining("not a messaging error")]);
});

test("who gave up what waited does not keep the credit that it holds from others", async () => {
  const session = new Session();
  const { local } = session.listen({ credit: 4 });
  await session.open();
  // Two tokens are here, and the others with links that use none.
  const [idle, waiting] = [new Port(), new Port()];
  const [idleGrant, grant] = [local.ledger.open(idle), local.ledger.open(waiting)];
  expect([local.ledger.use(idleGrant), local.ledger.use(grant), local.ledger.free]).toEqual([true, true, 0]);
  session.pair.dialer.room = 0;
  session.dialed.ping();
  await session.settle();
  const { call } = newCall(session.owner.line, {});
  session.owner.line.post(call);
  await session.settle();
  expect(call.cancel("aborted")).toBe("no-credit");
  session.pair.dialer.unchoke();
  await session.settle();
  local.ledger.want(grant, 1);
  await session.settle();
  expect([local.ledger.free, grant.outstanding]).toEqual([0, 1]);
});
