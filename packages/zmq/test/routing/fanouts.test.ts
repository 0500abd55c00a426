import {
  ConnectionLostError,
  type MessagingError,
  OverloadedError,
  type Receipt,
  TimeoutError,
} from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import type { OutgoingSend } from "../../src/routing/outgoing.js";
import { RpcTopic } from "../../src/routing/rpc-topic.js";
import { FanoutSpread, type SpreadOwner } from "../../src/routing/spread.js";
import { type FakeListener, fakeListener } from "../support/fake-listeners.js";
import { type FakePeer, FakeTopicHost } from "../support/fake-topic-host.js";
import { newKey } from "../support/lines.js";

class FanoutLog implements SpreadOwner {
  isAbandoned = false;
  receipt: Receipt | undefined;
  error: MessagingError | undefined;
  told = 0;

  done(receipt: Receipt): void {
    this.receipt = receipt;
    this.told++;
  }
  failed(error: MessagingError): void {
    this.error = error;
    this.told++;
  }
}

class World extends FakeTopicHost {
  readonly topic: RpcTopic = new RpcTopic({ kind: "rpc", realm: "", exchange: "default", topic: "t" }, this.host);

  fanout(mark = 1): { readonly spread: FanoutSpread; readonly log: FanoutLog } {
    const log = new FanoutLog();
    const body = { bytes: new Uint8Array([mark]), flags: 0 };
    const spread = new FanoutSpread(log, newKey({ mode: "fanout" }), body, (listener) => this.topic.own(listener));
    this.topic.rounds.add(spread);
    return { spread, log };
  }

  /** A server in session. */
  server(name: string, options: Parameters<typeof fakeListener>[0] = {}): FakeListener {
    const fake = fakeListener({ server: name, ...options });
    this.topic.join(fake.listener);
    return fake;
  }

  /** A server that a process has when it comes. */
  comes(peer: FakePeer, name: string): FakeListener {
    const fake = this.server(name);
    peer.ready(fake.listener);
    return fake;
  }

  /** It dies. */
  dies({ listener }: FakeListener): void {
    listener.isGoing = true;
    this.topic.leave(listener);
    for (const line of listener.lines.splice(0)) line.leave(listener);
  }
}

const parts = ({ link }: FakeListener): OutgoingSend[] => link.sent as OutgoingSend[];
const accept = (fake: FakeListener): void => {
  for (const part of parts(fake)) part.accept();
};
const dead = (): ConnectionLostError => new ConnectionLostError("dead", true);

describe("a fanout", () => {
  test("to nobody succeeds: nobody is also everybody", async () => {
    const world = new World();
    const { log } = world.fanout();
    await world.settle();
    expect([log.receipt, log.told, world.lookups]).toEqual([{ accepted: 0, lost: 0 }, 1, 1]);
  });

  test("goes to each server once, and is over when each has accepted", async () => {
    const world = new World();
    const servers = [world.server("a"), world.server("b"), world.server("b")];
    const { log } = world.fanout();
    await world.settle();
    expect(servers.map((server) => parts(server).length)).toEqual([1, 1, 1]);
    for (const server of servers) {
      expect(log.told).toBe(0);
      accept(server);
    }
    expect(log.receipt).toEqual({ accepted: 3, lost: 0 });
  });

  test("counts who was found dead, and goes on", async () => {
    const world = new World();
    const [a, b] = [world.server("a"), world.server("b")];
    const { log } = world.fanout();
    await world.settle();
    parts(a)[0]?.lost(dead());
    accept(b);
    expect(log.receipt).toEqual({ accepted: 1, lost: 1 });
  });

  test("that waits for the credit of one that leaves counts it as lost", async () => {
    const world = new World();
    const [a, b] = [world.server("a", { tokens: 0 }), world.server("b")];
    const { log } = world.fanout();
    await world.settle();
    accept(b);
    expect([log.told, world.topic.waiting()]).toEqual([0, 1]);
    world.dies(a);
    expect(log.receipt).toEqual({ accepted: 1, lost: 1 });
  });

  test("fails as a whole where a part was refused for another reason", async () => {
    const world = new World();
    const [a, b] = [world.server("a"), world.server("b")];
    const { log } = world.fanout();
    await world.settle();
    parts(a)[0]?.fail(new OverloadedError("full"));
    expect(log.told).toBe(0);
    accept(b);
    expect(log.error).toBeInstanceOf(OverloadedError);
  });

  test("given up is told once, and its parts that wait are taken out", async () => {
    const world = new World();
    const [a] = [world.server("a", { tokens: 0 }), world.server("b")];
    const { spread, log } = world.fanout();
    await world.settle();
    const waits: string[] = [];
    spread.cancel((wait) => {
      waits.push(wait);
      return new TimeoutError("too late");
    });
    spread.cancel(() => new TimeoutError("twice"));
    expect([waits, log.told, world.topic.waiting()]).toEqual([["no-credit"], 1, 0]);
    a.listener.tokens = 1;
    a.listener.own?.pump();
    expect(parts(a)).toEqual([]);
  });

  test("given up before it was placed goes to nobody", async () => {
    const world = new World();
    const a = world.server("a");
    const { spread, log } = world.fanout();
    spread.cancel((wait) => new TimeoutError(wait));
    await world.settle();
    expect([parts(a).length, log.error?.message, log.told]).toEqual([0, "no-connection", 1]);
  });
});

describe("a round", () => {
  test("dials who is on record and not known, and waits for it before it sends", async () => {
    const world = new World();
    world.record("a");
    const known = world.server("known");
    const { log } = world.fanout();
    await world.settle();
    expect(parts(known)).toEqual([]);
    const a = world.comes(world.peer("a"), "a");
    await world.settle();
    expect([parts(known).length, parts(a).length]).toEqual([1, 1]);
    accept(known);
    accept(a);
    expect([log.receipt, world.clock.timers]).toEqual([{ accepted: 2, lost: 0 }, 0]);
  });

  test("goes without one that takes more than 200 ms, which gets its part when it comes", async () => {
    const world = new World();
    world.record("slow");
    const known = world.server("known");
    const { log } = world.fanout();
    await world.settle(199);
    expect(parts(known)).toEqual([]);
    await world.settle(1);
    expect(parts(known)).toHaveLength(1);
    accept(known);
    await world.settle(5_000);
    expect(log.told).toBe(0);
    const slow = world.comes(world.peer("slow"), "slow");
    expect([parts(slow).length, parts(known).length]).toEqual([1, 1]);
    accept(slow);
    expect(log.receipt).toEqual({ accepted: 2, lost: 0 });
  });

  test("does not count one that is absent: its record was no listener", async () => {
    const world = new World();
    world.record("a");
    const { log } = world.fanout();
    await world.settle();
    world.peer("a").absent("refused");
    await world.settle();
    expect(log.receipt).toEqual({ accepted: 0, lost: 0 });
  });

  test("asks one in session whose new listener is not known yet, and waits for its answer", async () => {
    const world = new World();
    world.record("a", "new");
    const peer = world.peer("a");
    const old = world.comes(peer, "old");
    const { log } = world.fanout();
    await world.settle();
    expect([parts(old), peer.confirms.length]).toEqual([[], 1]);
    const fresh = world.server("new");
    peer.listeners.push(fresh.listener);
    peer.confirms[0]?.(true);
    await world.settle();
    expect([parts(old).length, parts(fresh).length]).toEqual([1, 1]);
    accept(old);
    accept(fresh);
    expect(log.receipt).toEqual({ accepted: 2, lost: 0 });
  });

  test("sends nobody its part twice, though a process is heard of after the others were served", async () => {
    const world = new World();
    world.record("a", "new");
    const peer = world.peer("a");
    const old = world.comes(peer, "old");
    const { log } = world.fanout();
    await world.settle(200);
    expect(parts(old)).toHaveLength(1);
    const fresh = world.server("new");
    peer.listeners.push(fresh.listener);
    peer.confirms[0]?.(true);
    expect([parts(old).length, parts(fresh).length]).toEqual([1, 1]);
    accept(old);
    accept(fresh);
    expect(log.receipt).toEqual({ accepted: 2, lost: 0 });
  });

  test("asks nobody whose listeners are all known", async () => {
    const world = new World();
    world.record("a", "s");
    const peer = world.peer("a");
    world.comes(peer, "s");
    world.fanout();
    await world.settle();
    expect([peer.confirms.length, world.clock.timers]).toEqual([0, 0]);
  });

  test("waits for a listed process that was lost and had a server of the topic, and for no other", async () => {
    const world = new World();
    const lost = world.peer("lost", true);
    lost.remembered = [fakeListener().listener.advert];
    world.peer("other", true).remembered = [fakeListener({ topic: "other" }).listener.advert];
    const absent = world.peer("absent", true);
    absent.absent("refused");
    const { log } = world.fanout();
    await world.settle(500);
    expect(log.told).toBe(0);
    const back = world.comes(lost, "back");
    accept(back);
    expect(log.receipt).toEqual({ accepted: 1, lost: 0 });
  });

  test("is one look-up for all fanouts of a tick; those that come meanwhile are of the next", async () => {
    const world = new World();
    world.record("a");
    const one = world.server("one");
    world.fanout(1);
    world.fanout(2);
    await world.settle();
    world.fanout(3);
    expect(world.lookups).toBe(1);
    world.comes(world.peer("a"), "a");
    await world.settle();
    // The third looks up afresh: what is on record and in session under another name is asked.
    world.records = [];
    await world.settle(200);
    expect(world.lookups).toBe(2);
    expect(parts(one).map(({ body }) => body?.[0])).toEqual([1, 2, 3]);
    expect(world.topic.rounds.isBusy).toBe(false);
  });

  test("goes to those that are connected when the name service is down, and warns", async () => {
    const world = new World();
    const a = world.server("a");
    world.lookupError = new Error("gone");
    const { log } = world.fanout();
    await world.settle();
    accept(a);
    expect([log.receipt, world.warnings]).toEqual([
      { accepted: 1, lost: 0 },
      [expect.stringContaining('cannot look up topic "t"')],
    ]);
  });
});
