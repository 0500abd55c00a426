import { describe, expect, test } from "vitest";
import { newCall } from "../support/lines.js";
import { PoolWorld } from "../support/pool-world.js";
import { ProcessLog } from "../support/session.js";

describe("a peer that is dialled on use", () => {
  test("settles as ready when its session is, and is one link for all who ask", async () => {
    const world = new PoolWorld();
    const peer = world.reach("a");
    const settled = world.wait(peer);
    expect(world.reach("a")).toBe(peer);
    expect([world.engine.addresses, peer.readyLink, peer.isHopeful]).toEqual([["via a"], undefined, true]);
    await world.accept();
    expect([settled, peer.readyLink?.isReady, world.wait(peer)]).toEqual([["ready"], true, ["ready"]]);
    expect([world.statuses, world.warnings, world.clock.timers]).toEqual([[], [], 0]);
  });

  test("that refuses the connection is absent, forgotten, and its record may be swept", async () => {
    const world = new PoolWorld();
    const peer = world.reach("a");
    const settled = world.wait(peer);
    world.engine.last.end("refused", "nobody listens");
    expect([settled, world.refused, peer.isHopeful, peer.failure]).toEqual([
      ["absent"],
      ["a"],
      false,
      "a: nobody listens",
    ]);
    expect([[...world.pool.peers], world.clock.timers, world.statuses]).toEqual([[], 0, []]);
    // Who asks again dials again.
    expect(world.reach("a")).not.toBe(peer);
    expect(world.engine.addresses).toHaveLength(2);
  });

  test("that another process has taken the place of is absent", async () => {
    const world = new PoolWorld();
    const peer = world.reach("a", "run-0");
    const settled = world.wait(peer);
    await world.accept();
    expect([settled, peer.failure, world.refused, world.warnings]).toEqual([
      ["absent"],
      "a: another process listens here now",
      [],
      [],
    ]);
  });

  test("is dialled for the run of its newest record", async () => {
    const world = new PoolWorld();
    const peer = world.reach("a", "run-0");
    world.reach("a", "run-1");
    const settled = world.wait(peer);
    world.engine.last.end("lost");
    world.clock.advance(world.backoffMs(2));
    await world.accept();
    expect(settled).toEqual(["ready"]);
  });

  test("that cannot be dialled is absent, and warned of", () => {
    const world = new PoolWorld();
    const settled = world.wait(world.reach("a"));
    world.engine.last.end("failed", "too many open files");
    expect([settled, world.warnings]).toEqual([["absent"], ["cannot connect to a: too many open files"]]);
  });

  test("that takes the connection and does not greet is hoped for, and warned of once", async () => {
    const world = new PoolWorld();
    const peer = world.reach("a");
    const settled = world.wait(peer);
    for (let attempt = 2; attempt < 6; attempt++) {
      world.engine.last.end("handshake", "no answer");
      expect([settled, peer.isHopeful]).toEqual([[], true]);
      world.clock.advance(world.backoffMs(attempt));
      expect(world.engine.dials).toHaveLength(attempt);
    }
    expect(world.warnings).toEqual(["a took the connection and did not greet: no answer"]);
    await world.accept();
    expect(settled).toEqual(["ready"]);
  });

  test.each(["version", "protocol", "auth"] as const)(
    "that refuses it for its %s is absent, and warned of",
    async (code) => {
      const world = new PoolWorld();
      const settled = world.wait(world.reach("a"));
      world.engine.last.pair.open(world.engine.last.handler, {
        onOpen() {},
        onFrame() {},
        onWritable() {},
        onEnd() {},
      });
      const codes = { version: 1, auth: 4, protocol: 5 };
      world.engine.last.pair.listener.send(Buffer.from([3, 0x54, 0x52, 0x4b, 0x4c, codes[code], 2, 0x6e, 0x6f]));
      await world.settle();
      expect([settled, world.warnings]).toEqual([["absent"], [`a refused this process (${code}): no`]]);
    },
  );
});

describe("a peer that is lost", () => {
  async function ready(world: PoolWorld): Promise<ReturnType<PoolWorld["reach"]>> {
    const peer = world.reach("a");
    world.wait(peer);
    await world.accept();
    return peer;
  }

  test("is made again though nobody waits for it, and the status says both", async () => {
    const world = new PoolWorld();
    const peer = await ready(world);
    world.engine.last.end("lost");
    expect([[...world.pool.peers], peer.isHopeful]).toEqual([[peer], true]);
    world.clock.advance(world.backoffMs(1));
    expect(world.engine.dials).toHaveLength(2);
    await world.accept();
    expect(peer.readyLink?.isReady).toBe(true);
    expect(world.statuses).toEqual([expect.stringMatching(/^degraded: /), "connected: a: connected"]);
  });

  test("is let go once nobody has used it for idleMs", async () => {
    const world = new PoolWorld({ idleMs: 10_000 });
    const peer = await ready(world);
    while (peer.isHopeful && world.clock.now() < 60_000) {
      world.engine.last.end("lost");
      world.clock.advance((world.clock.nextAt ?? Number.NaN) - world.clock.now());
    }
    expect([[...world.pool.peers], world.clock.timers]).toEqual([[], 0]);
    expect(world.clock.now()).toBeGreaterThan(10_000);
    expect(world.clock.now()).toBeLessThan(50_000);
    expect(world.statuses).toEqual([expect.stringMatching(/^degraded: /), "connected: a: given up"]);
  });

  test("is let go at once where nobody listens there any more", async () => {
    const world = new PoolWorld();
    const peer = await ready(world);
    world.engine.last.end("lost");
    world.clock.advance(world.backoffMs(1));
    world.engine.last.end("refused", "nobody listens");
    expect([[...world.pool.peers], world.clock.timers, peer.isHopeful]).toEqual([[], 0, false]);
    expect(world.statuses.at(-1)).toBe("connected: a: given up");
  });

  test("gives way to another that somebody needs", async () => {
    const world = new PoolWorld({ maxLinks: 1 });
    await ready(world);
    world.engine.last.end("lost");
    const other = world.reach("b");
    expect([...world.pool.peers]).toEqual([other]);
  });

  test("is made again with growing backoff for as long as somebody waits", async () => {
    const world = new PoolWorld();
    const peer = world.reach("a");
    const settled = world.wait(peer);
    const delays: number[] = [];
    for (let attempt = 2; attempt < 8; attempt++) {
      world.engine.last.end("lost");
      const { nextAt } = world.clock;
      delays.push((nextAt ?? Number.NaN) - world.clock.now());
      // Somebody waits, and is to hear within recoveryMs of its return.
      expect(delays.at(-1)).toBe(Math.min(world.backoffMs(attempt), 4_000 * world.fraction));
      world.clock.advance(delays.at(-1) ?? 0);
    }
    expect(delays.slice(0, 3)).toEqual([2, 3, 4].map((attempt) => world.backoffMs(attempt)));
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect([world.engine.dials.length, settled, world.statuses]).toEqual([
      7,
      [],
      [expect.stringMatching(/^degraded: /)],
    ]);
    await world.accept();
    expect([settled, world.statuses.length, world.statuses[1]]).toEqual([["ready"], 2, "connected: a: connected"]);
  });

  test("is given up when the last who waited has gone", () => {
    const world = new PoolWorld();
    const peer = world.reach("a");
    const unwait = peer.whenSettled(() => {});
    world.engine.last.end("lost");
    unwait();
    world.clock.advance(60_000);
    expect([world.engine.dials.length, [...world.pool.peers], world.clock.timers]).toEqual([1, [], 0]);
    expect(world.statuses).toEqual([expect.stringMatching(/^degraded: /), "connected: a: given up"]);
  });

  test("and comes back as nobody is absent, with the reason", () => {
    const world = new PoolWorld();
    const peer = world.reach("a");
    const settled = world.wait(peer);
    world.engine.last.end("lost");
    world.clock.advance(world.backoffMs(2));
    world.engine.last.end("refused", "nobody listens");
    expect([settled, peer.failure, world.clock.timers]).toEqual([["absent"], "a: nobody listens", 0]);
    expect(world.statuses.at(-1)).toBe("connected: a: given up");
  });

  test("in good order is not lost at all: it said goodbye", async () => {
    const world = new PoolWorld({}, ["a"]);
    world.pool.open();
    await world.accept();
    const peer = [...world.pool.peers][0];
    world.engine.last.pair.listener.send(Buffer.from([4]));
    await world.settle();
    expect([peer?.isHopeful, world.statuses]).toEqual([false, []]);
  });
});

describe("a peer that the URL lists", () => {
  test("is dialled at once and again for ever, without a record to be swept", () => {
    const world = new PoolWorld({}, ["a", "b"]);
    world.pool.open();
    expect(world.engine.addresses).toEqual(["via a", "via b"]);
    for (let attempt = 2; attempt < 20; attempt++) {
      for (const dial of world.engine.dials.slice(-2)) dial.end("refused");
      world.clock.advance(30_000);
    }
    expect([world.engine.dials.length, world.refused, world.statuses, world.warnings]).toEqual([38, [], [], []]);
  });

  test("that is absent is dialled at once by who needs it", () => {
    const world = new PoolWorld({}, ["a"]);
    world.pool.open();
    world.engine.last.end("refused", "nobody listens");
    const [peer] = world.pool.peers;
    expect(peer?.isHopeful).toBe(false);
    const settled = peer === undefined ? [] : world.wait(peer);
    expect([settled, world.engine.dials.length]).toEqual([["absent"], 2]);
  });

  test("that was lost is dialled at once by the first who waits for it", async () => {
    const world = new PoolWorld({}, ["a"]);
    world.pool.open();
    await world.accept();
    world.engine.last.end("lost");
    const [peer] = world.pool.peers;
    const settled = peer === undefined ? [] : world.wait(peer);
    expect(world.engine.dials).toHaveLength(2);
    await world.accept();
    expect(settled).toEqual(["ready"]);
  });

  test("that was lost is remembered for what it listened to, until it is back or absent", async () => {
    const world = new PoolWorld({}, ["a"]);
    world.pool.open();
    const [peer] = world.pool.peers;
    const isServer = (name: string) => (advert: { readonly kind: string }) =>
      "server" in advert && advert.server === name;
    expect(peer?.mayHave(isServer("other"))).toBe(true);
    await world.accept();
    world.engine.last.end("lost");
    expect([peer?.mayHave(isServer("s")), peer?.mayHave(isServer("other"))]).toEqual([true, false]);
    // As long as it is merely lost.
    world.clock.advance(world.backoffMs(1));
    world.engine.last.end("lost");
    expect(peer?.mayHave(isServer("s"))).toBe(true);
    world.clock.advance(world.backoffMs(2));
    world.engine.last.end("refused");
    expect([peer?.mayHave(isServer("s")), peer?.isHopeful]).toEqual([false, false]);
  });

  test("is told as lost once, and as back once, however many are", async () => {
    const world = new PoolWorld({}, ["a", "b"]);
    world.pool.open();
    const [a, b] = world.engine.dials;
    a?.end("lost", "cable");
    b?.end("lost", "cable");
    a?.end("lost", "again");
    expect(world.statuses).toEqual(["degraded: the connection to a was lost (cable)"]);
    expect(world.pool.stats().gauges).toMatchObject({ "pool.links": 2, "pool.ready": 0, "pool.troubled": 2 });
    world.clock.advance(world.backoffMs(2));
    expect(world.engine.dials).toHaveLength(4);
    const first = world.engine.dials[2];
    first?.accept(new ProcessLog(world.tick, "", 1e6, "run-1"));
    await world.settle();
    expect(world.statuses).toHaveLength(1);
    world.engine.dials[3]?.accept(new ProcessLog(world.tick, "", 1e6, "run-1"));
    await world.settle();
    expect(world.statuses).toEqual([expect.stringMatching(/^degraded/), "connected: b: connected"]);
  });
});

test("what its link is asked to send while it is lost waits in its line, not in the peer", async () => {
  const world = new PoolWorld({}, ["a"]);
  world.pool.open();
  await world.accept();
  world.engine.last.end("lost");
  const { call } = newCall(world.owner.line, {});
  world.owner.line.post(call);
  expect([call.state, world.owner.line.size]).toEqual(["waiting", 1]);
});
