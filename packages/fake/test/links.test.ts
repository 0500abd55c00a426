import { TimeoutError } from "@trunkline/core/driver";
import { ManualClock, until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { driver, type FakeBus } from "../src/index.js";
import { opening } from "./support/opened.js";
import { event, type Peer, request, uniqueBus, urlOf } from "./support/seam.js";

const { open, controls } = opening();

interface Scene {
  readonly bus: string;
  readonly clock: ManualClock;
  readonly client: Peer;
  readonly server: Peer;
  readonly control: FakeBus;
}

async function scene(): Promise<Scene> {
  const bus = uniqueBus();
  const clock = new ManualClock();
  const control = controls(bus);
  const client = await open(bus, { clock, options: { peer: "client" } });
  const server = await open(bus, { clock, options: { peer: "server" } });
  return { bus, clock, client, server, control };
}

describe("a cut link", () => {
  test("of the caller: what was sent may have run, what comes later waits, and all works again after healing", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s");
    const call = client.call(client.to("t"), request(1));
    await clock.tick();
    const unaccepted = client.cast(client.to("t"), request(2));
    consumer.at(0).take();
    let cancelled = "";
    consumer.at(0).onCancel((reason) => {
      cancelled = reason;
    });
    control.cut("client");
    expect(await call.done).toMatchObject({
      error: { code: "ERR_CONNECTION_LOST", retryable: false },
      mayHaveRun: true,
    });
    await expect(unaccepted).rejects.toMatchObject({ code: "ERR_CONNECTION_LOST", mayHaveRun: true });
    const casts = [3, 4].map((n) => client.cast(client.to("t"), request(n)));
    const later = client.call(client.to("t"), request(5));
    const hopeless = client.call(client.to("t"), request(6));
    await clock.tick(20_000);
    expect(cancelled).toContain("lost");
    expect(later.ends).toBe(0);
    expect(hopeless.handle.cancel("deadline")).toBe("no-connection");
    control.heal("client");
    await clock.tick();
    expect(await Promise.all(casts)).toEqual([
      { accepted: 1, lost: 0 },
      { accepted: 1, lost: 0 },
    ]);
    expect(consumer.numbers).toEqual([1, 3, 4, 5]);
    consumer.at(3).settle("done", { ok: true, value: "ok" });
    await clock.tick();
    expect(await later.done).toEqual({ ok: true, value: "ok" });
    expect(client.heard.status.map(({ state }) => state)).toEqual(["degraded", "connected"]);
    expect(server.heard.status).toEqual([]);
  });

  test("of the server: its callers learn at once, others wait for it, its subscriptions return (B12, E5)", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s", { credit: 1 });
    const events = await server.events("n", { pool: "p", answers: true });
    const running = client.call(client.to("t"), request(1));
    const waiting = client.call(client.to("t"), request(2));
    await clock.tick();
    consumer.at(0).take();
    control.cut("server");
    await clock.tick();
    expect(await running.done).toMatchObject({ error: { code: "ERR_CONNECTION_LOST" }, mayHaveRun: true });
    const directed = client.call(client.to("t", "s"), request(3));
    const emitted = client.cast(client.to("n"), event(4));
    const fanout = client.cast({ ...client.to("t"), fanout: true }, request("fan"));
    await clock.tick(10_000);
    expect([waiting.ends, directed.ends]).toEqual([0, 0]);
    expect(await fanout).toEqual({ accepted: 0, lost: 1 });
    expect(await emitted).toEqual({ accepted: 1, lost: 0 });
    const given = client.call(client.to("t"), request("given up"));
    await clock.tick();
    expect(given.handle.cancel("deadline")).toBe("no-connection");
    control.heal();
    await clock.tick();
    // The handler that still runs takes up the credit.
    expect(consumer.deliveries).toHaveLength(1);
    consumer.at(0).settle("done", { ok: true, value: 1 });
    expect(server.driver.stats().counters["repliesLost"]).toBe(1);
    await clock.tick();
    expect(consumer.numbers).toEqual([1, 2]);
    consumer.at(1).settle("done", { ok: true, value: 2 });
    await clock.tick();
    consumer.at(2).settle("done", { ok: true, value: 3 });
    await clock.tick();
    expect(await waiting.done).toEqual({ ok: true, value: 2 });
    expect(await directed.done).toEqual({ ok: true, value: 3 });
    expect(events.numbers).toEqual([4]);
    expect(running.ends).toBe(1);
  });

  test("loses no cast that was accepted, and runs none twice, wherever they were", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s", { credit: 4 });
    control.delay(10, 5);
    const accepted: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      client.cast(client.to("t"), request(n)).then(
        () => accepted.push(n),
        () => {},
      );
      await clock.tick(3);
      if (n % 10 === 9) {
        control.cut(n % 20 === 9 ? "server" : undefined);
        await clock.tick(50);
        control.heal();
      }
      for (const delivery of consumer.deliveries) if (delivery.take()) delivery.settle("done");
    }
    for (let step = 0; step < 200; step += 1) {
      await clock.tick(10);
      for (const delivery of consumer.deliveries) if (delivery.take()) delivery.settle("done");
    }
    const handled = consumer.numbers.map(Number);
    expect(new Set(handled).size).toBe(handled.length);
    expect(accepted.filter((n) => !handled.includes(n))).toEqual([]);
    expect(accepted.length).toBeGreaterThan(20);
    expect(client.heard.castsLost).toEqual([]);
  });

  test("events that were in hand go to another of the pool, and those that still run count no more", async () => {
    const { clock, client, server, control } = await scene();
    const dying = await server.events("n", { pool: "p", credit: 2 });
    const sent = [1, 2].map((n) => client.cast(client.to("n"), event(n)));
    await clock.tick();
    await Promise.all(sent);
    const heir = await client.events("n", { pool: "p" });
    dying.at(0).take();
    control.cut("server");
    expect(dying.at(1).take()).toBe(false);
    await clock.tick();
    expect(heir.numbers).toEqual([1, 2]);
    expect(heir.at(0)).toMatchObject({ redelivered: true, attempt: 1 });
    control.heal("server");
    dying.at(0).settle("done");
    for (const delivery of heir.deliveries) delivery.settle("done");
    await clock.tick();
    expect([dying.deliveries.length, heir.deliveries.length]).toEqual([2, 2]);
    expect(client.driver.stats().gauges["bus.waiting"]).toBe(0);
  });

  describe("an event that is handed out again to the same listener (B10)", () => {
    async function taken() {
      const world = await scene();
      const consumer = await world.server.events("n");
      await Promise.all([world.client.cast(world.client.to("n"), event(1)), world.clock.tick()]);
      expect(consumer.at(0).take()).toBe(true);
      world.control.cut("server");
      const heal = async (): Promise<void> => {
        world.control.heal("server");
        await world.clock.tick();
      };
      /** How many events the bus would give to another, were this process gone. */
      const unsettled = async (): Promise<number> => {
        const heir = await world.client.events("n");
        await world.server.close();
        await world.clock.tick();
        return heir.deliveries.length;
      };
      return { ...world, consumer, heal, unsettled };
    }

    test("is not handled twice while it is handled, and the verdict to come is its own", async () => {
      const { clock, consumer, heal, unsettled } = await taken();
      await heal();
      expect(consumer.deliveries).toHaveLength(1);
      consumer.at(0).settle("done");
      await clock.tick();
      expect([consumer.deliveries.length, await unsettled()]).toEqual([1, 0]);
    });

    test("which the bus waits for: it is another's where this process ends before", async () => {
      const { heal, unsettled } = await taken();
      await heal();
      expect(await unsettled()).toBe(1);
    });

    test("nor once it was handled: the verdict that could not be told is told", async () => {
      const { consumer, heal, unsettled, server } = await taken();
      consumer.at(0).settle("done");
      await heal();
      expect([consumer.deliveries.length, server.driver.stats().counters["duplicates"]]).toEqual([1, 1]);
      expect(await unsettled()).toBe(0);
    });

    test.each(["done", "requeue"] as const)(
      "nor where the link was lost with its verdict under way: %s is told again",
      async (verdict) => {
        const { client, clock, control, server } = await scene();
        const consumer = await server.events("n");
        await Promise.all([client.cast(client.to("n"), event(1)), clock.tick()]);
        expect(consumer.at(0).take()).toBe(true);
        control.delay(1_000, 0, "server");
        consumer.at(0).settle(verdict);
        control.cut("server");
        control.delay(0);
        control.heal("server");
        await clock.tick(5_000);
        const attempts = consumer.deliveries.map(({ attempt }) => attempt);
        expect(attempts).toEqual(verdict === "requeue" ? [1, 2] : [1]);
      },
    );

    test("and comes as a new attempt where it was asked for meanwhile (C4)", async () => {
      const { consumer, heal } = await taken();
      consumer.at(0).settle("requeue");
      await heal();
      expect(consumer.at(1)).toMatchObject({ attempt: 2, redelivered: true });
      expect(consumer.at(1).take()).toBe(true);
    });
  });

  test("casts that died with a process are reported to their sender (B12)", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s", { credit: 10 });
    for (let n = 0; n < 3; n += 1) client.send(client.to("t"), request(n));
    client.send({ ...client.to("t"), fanout: true }, request("fan"));
    await clock.tick();
    expect(consumer.deliveries).toHaveLength(4);
    control.cut("server");
    await server.close();
    await clock.tick();
    expect(client.heard.castsLost).toEqual([{ count: 4, peer: "server" }]);
  });

  test("a listener that stops or closes while it is cut is gone when the link is back", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s");
    const kept = await server.serve("kept", "s", { answers: true });
    client.send(client.to("t"), request(1));
    await clock.tick();
    control.cut("server");
    await consumer.listener.close();
    const call = client.call(client.to("t"), request(2));
    control.heal("server");
    await clock.tick(1_000);
    expect(await call.done).toMatchObject({ error: { code: "ERR_UNREACHABLE" } });
    const again = await server.serve("t", "s", { answers: true });
    await clock.tick();
    // It was never begun, so that it was handed back.
    expect(again.numbers).toEqual([1]);
    expect(await client.cast(client.to("kept"), request(3))).toEqual({ accepted: 1, lost: 0 });
    await clock.tick();
    expect(kept.numbers).toEqual([3]);
  });

  test("what is begun while it is cut waits, bounded", async () => {
    const bus = uniqueBus();
    const control = controls(bus);
    const peer = await open(bus, { options: { queueMessages: 2 } });
    control.cut();
    const listening = peer.serve("t", "s", { answers: true });
    const sends = Array.from({ length: 5 }, (_, n) => peer.cast(peer.to("t"), request(n)));
    await expect(sends[4]).rejects.toMatchObject({ code: "ERR_OVERLOADED" });
    control.heal();
    const consumer = await listening;
    await Promise.all(sends.slice(0, 4));
    await until(() => consumer.deliveries.length === 4);
    expect(consumer.numbers).toEqual([0, 1, 2, 3]);
  });

  test("opening on a bus that is cut waits for it, up to connectTimeoutMs, abortable (E1)", async () => {
    const bus = uniqueBus();
    const clock = new ManualClock();
    const control = controls(bus);
    control.cut();
    const failing = open(bus, { clock });
    failing.catch(() => {});
    await clock.tick(1_000);
    await expect(failing).rejects.toMatchObject({ code: "ERR_CONNECT" });
    const waiting = open(bus, { clock });
    await clock.tick(500);
    control.heal();
    await waiting;
    control.cut();
    const abort = new AbortController();
    const host = {
      clock,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      random: Math.random,
      newId: () => "id",
    };
    const aborted = driver.open(urlOf(bus), host, { connectTimeoutMs: 1_000, signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toMatchObject({ code: "ERR_ABORT", cause: { message: "enough" } });
    await waiting.then((peer) => peer.close());
    expect(clock.timers).toBe(0);
  });
});

describe("a slow link", () => {
  test("each frame takes its delay, on the clock", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s", { answers: true });
    control.delay(100);
    const call = client.call(client.to("t"), request(1));
    await clock.tick(199);
    expect(consumer.deliveries).toHaveLength(0);
    await clock.tick(1);
    expect(consumer.deliveries).toHaveLength(1);
    await clock.tick(199);
    expect(call.ends).toBe(0);
    await clock.tick(1);
    expect(call.ends).toBe(1);
    control.delay(0);
    const quick = client.call(client.to("t"), request(2));
    await clock.tick();
    expect(quick.ends).toBe(1);
  });

  test("jitter does not reorder", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s", { answers: true });
    control.delay(5, 100);
    for (let n = 0; n < 50; n += 1) client.send(client.to("t"), request(n));
    await clock.tick(1_000);
    expect(consumer.numbers).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test("closing does not wait for the delay: replies that were written arrive", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s");
    const call = client.call(client.to("t"), request(1));
    await clock.tick();
    control.delay(1_000, 0, "server");
    consumer.at(0).take();
    consumer.at(0).settle("done", { ok: true, value: "written" });
    await server.close();
    await clock.tick();
    expect(await call.done).toEqual({ ok: true, value: "written" });
    expect(clock.timers).toBe(0);
  });
});

describe("a frozen link", () => {
  test("passes nothing and tells nobody; thawed, all comes in order", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s", { answers: true });
    control.freeze("client");
    const calls = [1, 2].map((n) => client.call(client.to("t"), request(n)));
    await clock.tick(4_999);
    expect(consumer.deliveries).toHaveLength(0);
    expect(client.heard.status).toEqual([]);
    control.thaw("client");
    await clock.tick();
    expect(consumer.numbers).toEqual([1, 2]);
    for (const call of calls) expect(await call.done).toMatchObject({ ok: true });
  });

  test("is called lost after detectionMs, at both ends, and comes back when thawed (B12)", async () => {
    const { clock, client, server, control } = await scene();
    const consumer = await server.serve("t", "s");
    const call = client.call(client.to("t"), request(1));
    await clock.tick();
    control.freeze("server");
    consumer.at(0).take();
    consumer.at(0).settle("done", { ok: true, value: 1 });
    await clock.tick(server.driver.capabilities.detectionMs);
    expect(await call.done).toMatchObject({ error: { code: "ERR_CONNECTION_LOST" }, mayHaveRun: true });
    expect(server.heard.status.map(({ state }) => state)).toEqual(["degraded"]);
    control.thaw("server");
    await clock.tick();
    const again = client.call(client.to("t"), request(2));
    await clock.tick();
    consumer.at(1).settle("done", { ok: true, value: 2 });
    await clock.tick();
    expect(await again.done).toEqual({ ok: true, value: 2 });
    expect(server.heard.status.map(({ state }) => state)).toEqual(["degraded", "connected"]);
  });

  test("a send that is given up on it has an unknown outcome", async () => {
    const { clock, client, server, control } = await scene();
    await server.serve("t", "s");
    control.freeze("client");
    const send = client.send(client.to("t"), request(1));
    await clock.tick(100);
    const states: string[] = [];
    send.cancel((state) => {
      states.push(state);
      return new TimeoutError("late");
    });
    await expect(send.receipt).rejects.toBeInstanceOf(TimeoutError);
    expect(states).toEqual(["sent"]);
  });
});
