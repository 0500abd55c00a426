import type { MessagingError, Receipt } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { EventTopic } from "../../src/routing/event-topic.js";
import { OutgoingCast, OutgoingEvent } from "../../src/routing/outgoing.js";
import { Returns } from "../../src/routing/returns.js";
import { RpcTopic } from "../../src/routing/rpc-topic.js";
import { EventSpread } from "../../src/routing/spread.js";
import type { CastNames, EventNames } from "../../src/wire/responses.js";
import { type FakeListener, fakeListener } from "../support/fake-listeners.js";
import { FakeTopicHost } from "../support/fake-topic-host.js";
import { FateLog, newKey } from "../support/lines.js";

const place = { exchange: "default", topic: "t" };
const castNames: CastNames = {
  ...place,
  server: undefined,
  mode: "topic",
  namespace: "n",
  version: undefined,
  method: "m",
};
const eventNames: EventNames = { ...place, pool: "p", priority: "info", attempt: 2 };
const body = { bytes: new Uint8Array([7]), flags: 1 };

class World extends FakeTopicHost {
  readonly rpc: RpcTopic = new RpcTopic({ kind: "rpc", realm: "", ...place }, this.host);
  readonly events: EventTopic = new EventTopic({ kind: "events", realm: "", ...place }, this.host);
  readonly returns: Returns = new Returns(this.host, { rpcTopic: () => this.rpc, eventTopic: () => this.events });

  server(name = "s"): FakeListener {
    const fake = fakeListener({ server: name });
    this.rpc.join(fake.listener);
    return fake;
  }

  pool(pool: string | undefined = "p"): FakeListener {
    const fake = fakeListener({ pool, priorities: ["info"] });
    this.events.join(fake.listener);
    return fake;
  }

  cast(): { readonly cast: OutgoingCast; readonly fate: FateLog } {
    const fate = new FateLog();
    const cast = new OutgoingCast(this.rpc.any(), newKey(), fate);
    cast.state = "sent";
    return { cast, fate };
  }

  event(): { readonly event: OutgoingEvent; readonly fate: FateLog } {
    const fate = new FateLog();
    const event = new OutgoingEvent(this.events.lineOf("p", "info"), "info", 1, fate);
    event.state = "sent";
    return { event, fate };
  }
}

describe("a cast that comes back", () => {
  test("before its sender was told goes to another, and its sender hears of that one", async () => {
    const world = new World();
    const { cast, fate } = world.cast();
    const other = world.server();
    await world.settle(300);
    world.returns.castBack(cast, castNames, body);
    expect(other.link.sent).toEqual([cast]);
    expect([cast.flags, cast.body]).toEqual([1, body.bytes]);
    cast.accept();
    expect([fate.heard, world.returns.size]).toEqual([["accepted"], 0]);
  });

  test("after its sender was told goes to another all the same, as it was", async () => {
    const world = new World();
    const [other, named] = [world.server("a"), world.server("b")];
    await world.settle(300);
    world.returns.castBack(undefined, { ...castNames, server: "b", mode: "server" }, body);
    const [cast] = named.link.sent as [OutgoingCast];
    expect([cast.key.mode, cast.key.namespace, cast.key.method, cast.body]).toEqual(["server", "n", "m", body.bytes]);
    expect([other.link.sent, world.returns.size]).toEqual([[], 1]);
    cast.accept();
    expect([world.returns.size, world.castsLost]).toEqual([0, 0]);
  });

  test("goes before all that wait, behind those that came back before it", () => {
    const world = new World();
    const { cast } = world.cast();
    const line = world.rpc.any();
    cast.body = new Uint8Array(1);
    line.wait(cast);
    for (const mark of [1, 2])
      world.returns.castBack(undefined, castNames, { bytes: new Uint8Array([mark]), flags: 0 });
    expect(line.takeAll().map((message) => (message === cast ? "cast" : message.body?.[0]))).toEqual([1, 2, "cast"]);
  });

  test("is counted as lost where nobody takes it in time", async () => {
    const world = new World();
    world.peer("hope", true);
    world.returns.castBack(undefined, castNames, body);
    await world.settle(29_999);
    world.returns.sweep(world.clock.now());
    expect([world.castsLost, world.rpc.waiting()]).toEqual([0, 1]);
    await world.settle(1);
    world.returns.sweep(world.clock.now());
    expect([world.castsLost, world.rpc.waiting(), world.returns.size]).toEqual([1, 0, 0]);
  });

  test("and where there is no server any more", async () => {
    const world = new World();
    world.returns.castBack(undefined, castNames, body);
    await world.settle(1_250);
    expect([world.castsLost, world.returns.size]).toEqual([1, 0]);
  });

  test("is dropped, and counted, where its sender waits no more", () => {
    const world = new World();
    const { cast } = world.cast();
    cast.state = "settled";
    world.returns.castBack(cast, castNames, body);
    expect(world.dropped).toEqual(["a cast given back that nobody waits for"]);
  });
});

describe("an event that comes back", () => {
  test("before its sender was told goes to another of its pool, and its sender hears of that one", async () => {
    const world = new World();
    const { event, fate } = world.event();
    const [other, stranger] = [world.pool(), world.pool("q")];
    world.returns.eventBack(event, eventNames, body);
    await world.settle();
    const [again] = other.link.sent as [OutgoingEvent];
    expect([again.attempt, again.body, stranger.link.sent]).toEqual([2, body.bytes, []]);
    again.accept();
    expect([fate.heard, event.state]).toEqual([["accepted"], "settled"]);
  });

  test("and fails where its pool is gone", async () => {
    const world = new World();
    const { event, fate } = world.event();
    world.returns.eventBack(event, eventNames, body);
    await world.settle();
    expect(fate.heard).toEqual(["failed"]);
  });

  test("whose pool is gone was for nobody, and succeeds as such (A7)", async () => {
    const world = new World();
    const first = world.pool();
    const receipts: Receipt[] = [];
    const errors: MessagingError[] = [];
    const owner = {
      isAbandoned: false,
      done: (receipt: Receipt) => receipts.push(receipt),
      failed: (error: MessagingError) => errors.push(error),
    };
    const spread = new EventSpread(owner, { priority: "info", attempt: 1 }, body, world.events.lineOf);
    world.events.rounds.add(spread);
    await world.settle();
    const [sent] = first.link.sent as [OutgoingEvent];
    world.events.leave(first.listener);
    world.returns.eventBack(sent, eventNames, body);
    await world.settle();
    expect({ receipts, errors }).toEqual({ receipts: [{ accepted: 0, lost: 1 }], errors: [] });
  });

  test("after its sender was told goes to another of its pool; without a pool, to those that have none", async () => {
    const world = new World();
    const [p, none] = [world.pool(), world.pool("")];
    world.returns.eventBack(undefined, { ...eventNames, pool: undefined }, body);
    await world.settle();
    expect([p.link.sent.length, none.link.sent.length, world.returns.size]).toEqual([0, 1, 1]);
    (none.link.sent as [OutgoingEvent])[0].accept();
    expect([world.returns.size, world.castsLost]).toEqual([0, 0]);
  });

  test("is counted as lost where the pool is gone", async () => {
    const world = new World();
    world.returns.eventBack(undefined, eventNames, body);
    await world.settle();
    expect([world.castsLost, world.returns.size]).toEqual([1, 0]);
  });

  test("is dropped, and counted, where its sender waits no more", () => {
    const world = new World();
    const { event } = world.event();
    event.state = "settled";
    world.returns.eventBack(event, eventNames, body);
    expect(world.dropped).toEqual(["an event given back that nobody waits for"]);
  });
});

describe("an event that is asked for again", () => {
  test("goes to its pool after the delay", async () => {
    const world = new World();
    const p = world.pool();
    world.returns.requeued(eventNames, body, 50);
    await world.settle(49);
    expect([p.link.sent, world.returns.size]).toEqual([[], 1]);
    await world.settle(1);
    expect((p.link.sent as [OutgoingEvent])[0]).toMatchObject({ attempt: 2, priority: "info" });
  });

  test("is counted as lost when too many are delayed, or when the transport closes first", async () => {
    const world = new World();
    world.pool();
    for (let n = 0; n < 103; n++) world.returns.requeued(eventNames, body, 50);
    expect([world.castsLost, world.returns.size]).toEqual([3, 100]);
    world.returns.close();
    expect(world.castsLost).toBe(103);
    await world.settle(1_000);
    expect(world.castsLost).toBe(103);
  });
});

test("what comes back to a closed transport, or is still on its way to another, is counted as lost once", async () => {
  const world = new World();
  world.peer("hope", true);
  world.returns.castBack(undefined, castNames, body);
  world.returns.eventBack(undefined, eventNames, body);
  world.returns.close();
  expect(world.castsLost).toBe(2);
  world.returns.castBack(undefined, castNames, body);
  world.returns.eventBack(undefined, eventNames, body);
  world.returns.requeued(eventNames, body, 1);
  await world.settle(60_000);
  world.returns.sweep(world.clock.now());
  expect(world.castsLost).toBe(5);
});
