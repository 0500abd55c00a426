import { ClosedError, OverloadedError, type Receipt, TimeoutError } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { EventTopic } from "../../src/routing/event-topic.js";
import { homeOf, Returns } from "../../src/routing/returns.js";
import { RpcTopic } from "../../src/routing/rpc-topic.js";
import { EventSpread, FanoutSpread } from "../../src/routing/spread.js";
import { fakeListener, Note } from "../support/fake-listeners.js";
import { FakeTopicHost } from "../support/fake-topic-host.js";
import { newCall, newKey, newLine } from "../support/lines.js";
import { againstDialer, FIRST_SESSION } from "../support/raw-peer.js";

const rpcKey = { kind: "rpc", realm: "", exchange: "default", topic: "t" } as const;
const eventKey = { ...rpcKey, kind: "events" } as const;
const body = { bytes: new Uint8Array([1]), flags: 0 };
const late = (): TimeoutError => new TimeoutError("too late");

/** Who asked for a spread, and what came of it. */
function asker(): {
  readonly isAbandoned: false;
  receipt?: Receipt;
  error?: Error;
  done(r: Receipt): void;
  failed(e: Error): void;
} {
  return {
    isAbandoned: false,
    done(receipt) {
      this.receipt = receipt;
    },
    failed(error) {
      this.error = error;
    },
  };
}

test("messages that gave up behind one that waits long hold no places", () => {
  const line = newLine();
  line.wait(new Note(line, "patient"));
  for (let n = 0; n < 20_000; n++) {
    const note = new Note(line, "hasty");
    line.wait(note);
    line.remove(note);
  }
  expect([line.size, line.places < 5_000]).toEqual([1, true]);
});

test("a call that comes back after its line was forgotten goes to the one that took its place", async () => {
  const world = new FakeTopicHost();
  const topic = new RpcTopic(rpcKey, world.host);
  const { call } = newCall(topic.server("a"), {});
  call.state = "sent";
  topic.retire(1_000);
  expect(call.line.isRetired).toBe(true);
  const home = homeOf(call, { rpcTopic: () => topic });
  home.putBack([call]);
  const { listener, link } = fakeListener({ server: "a" });
  topic.join(listener);
  expect(link.sent).toEqual([call]);
  topic.close();
});

test("what comes back to a line that is closed fails", () => {
  const line = newLine();
  line.close();
  const note = new Note(line, "late");
  line.putBack([note]);
  expect(note.errors).toEqual([expect.any(ClosedError)]);
});

test("fanouts that were given up leave nothing with a process that is never heard of", async () => {
  const world = new FakeTopicHost();
  const topic = new RpcTopic(rpcKey, world.host);
  world.record("frozen");
  for (let n = 0; n < 3; n++) {
    const spread = new FanoutSpread(asker(), newKey(), body, (listener) => topic.own(listener));
    topic.rounds.add(spread);
    await world.settle(300);
    expect(world.peer("frozen").waiting).toBe(1);
    spread.cancel(late);
    expect(world.peer("frozen").waiting).toBe(0);
  }
});

test("what is not over when the transport closes fails", async () => {
  const world = new FakeTopicHost();
  const topic = new RpcTopic(rpcKey, world.host);
  world.record("frozen");
  const [first, second] = [asker(), asker()];
  topic.rounds.add(new FanoutSpread(first, newKey(), body, (listener) => topic.own(listener)));
  await world.settle(300);
  topic.rounds.add(new FanoutSpread(second, newKey(), body, (listener) => topic.own(listener)));
  topic.close();
  expect([first.error, second.error]).toEqual([expect.any(ClosedError), expect.any(ClosedError)]);
  await world.settle(300);
  expect(world.clock.timers).toBe(0);
});

test("pools that nobody is in any more are forgotten while their topic is used", async () => {
  const world = new FakeTopicHost();
  const topic = new EventTopic(eventKey, world.host);
  const lines = Array.from({ length: 10 }, (_, pool) => {
    const { listener } = fakeListener({ pool: `pool ${pool}`, priorities: ["info"] });
    topic.join(listener);
    const line = topic.lineOf(`pool ${pool}`, "info");
    listener.isGoing = true;
    topic.leave(listener);
    line.leave(listener);
    return line;
  });
  topic.join(fakeListener({ pool: "stays", priorities: ["info"] }).listener);
  expect(topic.retire(0)).toBe(false);
  expect(lines.every((line) => line.isRetired)).toBe(true);
  expect(topic.lineOf("pool 1", "info")).not.toBe(lines[1]);
});

test("an event that lost its pool and was given up is not sent when the pool comes back", async () => {
  const world = new FakeTopicHost();
  const topic = new EventTopic(eventKey, world.host);
  const gone = fakeListener({ pool: "p", priorities: ["info"], tokens: 0 });
  topic.join(gone.listener);
  const log = asker();
  const spread = new EventSpread(log, { priority: "info", attempt: 1 }, body, topic.lineOf);
  topic.rounds.add(spread);
  await world.settle(0);
  gone.listener.isGoing = true;
  topic.leave(gone.listener);
  for (const line of gone.listener.lines.splice(0)) line.leave(gone.listener);
  const again = fakeListener({ pool: "p", priorities: ["info"], tokens: 0 });
  topic.join(again.listener);
  await world.settle(0);
  spread.cancel((wait) => (wait === "no-credit" ? new OverloadedError("no room") : late()));
  expect(log.error).toBeInstanceOf(OverloadedError);
  again.listener.tokens = 10;
  for (const line of again.listener.lines) line.pump();
  expect(again.link.sent).toEqual([]);
});

test("events whose delay is not over leave no timer when the transport closes (E4), and are bounded in bytes", () => {
  const world = new FakeTopicHost();
  const returns = new Returns(
    { ...world.host, bounds: { messages: 100, bytes: 1_000 } },
    { rpcTopic: () => new RpcTopic(rpcKey, world.host), eventTopic: () => new EventTopic(eventKey, world.host) },
  );
  const names = { exchange: "default", topic: "t", pool: undefined, priority: "info", attempt: 2 } as const;
  for (let n = 0; n < 5; n++) returns.requeued(names, { bytes: new Uint8Array(400), flags: 0 }, 3_600_000);
  expect([returns.size, world.castsLost]).toEqual([2, 3]);
  returns.close();
  expect([world.clock.timers, returns.size, world.castsLost]).toEqual([0, 0, 5]);
});

test("a server that gives back more than it was sent is cut", async () => {
  const { session, raw } = await againstDialer();
  raw.welcome(FIRST_SESSION);
  await session.settle();
  const names = {
    exchange: "x",
    topic: "y",
    server: undefined,
    mode: "topic",
    namespace: undefined,
    version: undefined,
    method: "m",
  } as const;
  raw.say({ type: "CAST_BACK", sequence: 0, names, body: { params: {}, context: {}, headers: {} } });
  await session.settle();
  expect([session.dialed.isOpen, session.owner.returned]).toEqual([false, []]);
});
