import { describe, expect, test } from "vitest";
import { newCall } from "../support/lines.js";
import { PoolWorld } from "../support/pool-world.js";

async function readyPeers(world: PoolWorld, ...addresses: string[]): Promise<void> {
  for (const address of addresses) {
    world.wait(world.reach(address));
    await world.accept();
    world.clock.advance(10);
  }
}

const addresses = (world: PoolWorld): string[] => [...world.pool.peers].map(({ address }) => address);

describe("links that nobody uses", () => {
  test("are closed after a while, in good order", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    await world.sweep(59_000);
    expect(addresses(world)).toEqual(["a"]);
    await world.sweep(2_000);
    expect([addresses(world), world.engine.last.pair.dialer.hasEnded, world.statuses]).toEqual([[], true, []]);
    expect(world.engine.last.pair.dialer.arrived.at(-1)?.at(-1)).toBe(4);
    expect(world.pool.stats().counters).toEqual({ "pool.dialled": 1, "pool.evicted": 1 });
  });

  test("are kept by every message, and for as long as one is under way", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    for (let minute = 0; minute < 3; minute++) {
      await world.sweep(50_000);
      const { call } = newCall(world.owner.line, {});
      world.owner.line.post(call);
      await world.sweep(1);
      call.cancel("aborted");
    }
    expect(addresses(world)).toEqual(["a"]);
    world.owner.line.post(newCall(world.owner.line, {}).call);
    for (let minute = 0; minute < 5; minute++) await world.sweep(50_000);
    expect(addresses(world)).toEqual(["a"]);
  });

  test("are kept by being asked for", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    await world.sweep(50_000);
    world.reach("a");
    await world.sweep(50_000);
    expect(addresses(world)).toEqual(["a"]);
  });

  test("are kept where the URL lists them", async () => {
    const world = new PoolWorld({}, ["a"]);
    world.pool.open();
    await world.accept();
    await world.sweep(1_000_000);
    expect([addresses(world), world.engine.last.pair.dialer.hasEnded]).toEqual([["a"], false]);
  });

  test("are pinged, so that their listener does not take them for dead", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    const before = world.engine.last.pair.dialer.arrived.length;
    await world.sweep(9_000);
    expect(world.engine.last.pair.dialer.arrived.length).toBe(before);
    await world.sweep(1_100);
    await world.sweep(1_000);
    expect(world.engine.last.pair.dialer.arrived.slice(before).map((frame) => [...frame])).toEqual([[0x18]]);
  });

  test("may be asked for again at once: a new link is made, while the old one leaves", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    world.engine.last.pair.dialer.isHeld = true;
    await world.sweep(70_000);
    expect(addresses(world)).toEqual([]);
    const { call, sink } = newCall(world.owner.line, {});
    world.owner.line.post(call);
    expect(call.state).toBe("waiting");
    const settled = world.wait(world.reach("a"));
    expect(world.engine.dials).toHaveLength(2);
    await world.accept();
    expect([settled, call.state, sink.heard]).toEqual([["ready"], "sent", []]);
  });
});

describe("beyond its bound", () => {
  test("the idle link that was used longest ago gives way", async () => {
    const world = new PoolWorld({ maxLinks: 3 });
    await readyPeers(world, "a", "b", "c");
    world.reach("a");
    world.reach("d");
    expect(addresses(world)).toEqual(["a", "c", "d"]);
    await world.settle();
    expect(world.engine.dials.map(({ pair }) => pair.dialer.hasEnded)).toEqual([false, true, false, false]);
  });

  test("no link in use gives way, nor one that the URL lists, nor one that is not made yet", async () => {
    const world = new PoolWorld({ maxLinks: 2 }, ["listed"]);
    world.pool.open();
    await world.accept();
    world.reach("dialling");
    await readyPeers(world, "busy");
    const busy = [...world.pool.peers].find(({ address }) => address === "busy");
    const listener = [...(busy?.readyLink?.listeners ?? [])][0];
    const { call } = newCall(world.owner.line, {});
    if (listener !== undefined) listener.link.sendCall(listener, call, undefined);
    world.reach("more");
    expect(addresses(world)).toEqual(["listed", "dialling", "busy", "more"]);
    call.cancel("aborted");
    world.reach("most");
    expect(addresses(world)).toEqual(["listed", "dialling", "more", "most"]);
  });
});

describe("a process that takes the connection and says nothing", () => {
  test("is cut after a while, and dialled again while somebody waits", async () => {
    const world = new PoolWorld();
    const settled = world.wait(world.reach("a"));
    const silent = { onOpen() {}, onFrame() {}, onWritable() {}, onEnd() {} };
    world.engine.last.pair.open(world.engine.last.handler, silent);
    await world.sweep(4_900);
    expect(world.engine.last.pair.dialer.hasEnded).toBe(false);
    await world.sweep(200);
    expect(world.engine.last.pair.dialer.hasEnded).toBe(true);
    expect([settled, world.clock.timers]).toEqual([[], 1]);
    world.clock.advance(world.backoffMs(2));
    expect(world.engine.dials).toHaveLength(2);
  });

  test("and one that greeted in time is left alone", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    await world.sweep(6_000);
    expect(world.engine.last.pair.dialer.hasEnded).toBe(false);
  });
});

describe("closing", () => {
  test("parts from all, whatever they are at, and resolves when the engine has let go of each", async () => {
    const world = new PoolWorld({ maxLinks: 10 }, ["lost"]);
    world.pool.open();
    world.engine.last.end("lost");
    await readyPeers(world, "ready");
    const settled = world.wait(world.reach("dialling"));
    let isClosed = false;
    const closing = world.pool.close().then(() => {
      isClosed = true;
    });
    await Promise.resolve();
    expect([settled, isClosed]).toEqual([["absent"], false]);
    await world.settle();
    await closing;
    expect([world.clock.timers, addresses(world)]).toEqual([0, []]);
    expect(world.engine.dials.every(({ pair }) => pair.dialer.hasEnded)).toBe(true);
    expect(world.statuses).toEqual([expect.stringMatching(/^degraded/)]);
  });

  test("dials nobody any more", async () => {
    const world = new PoolWorld({}, ["a"]);
    world.pool.open();
    world.engine.last.end("lost");
    const closing = world.pool.close();
    await world.settle();
    await closing;
    const peer = world.reach("b");
    world.clock.advance(60_000);
    expect([world.engine.dials.length, world.wait(peer), addresses(world)]).toEqual([1, ["absent"], []]);
  });

  test("waits for links that were evicted a moment ago", async () => {
    const world = new PoolWorld();
    await readyPeers(world, "a");
    world.engine.last.pair.dialer.isHeld = true;
    await world.sweep(70_000);
    let isClosed = false;
    const closing = world.pool.close().then(() => {
      isClosed = true;
    });
    await world.settle();
    expect(isClosed).toBe(false);
    world.engine.last.pair.dialer.isHeld = false;
    await world.settle();
    await closing;
  });
});
