import { OverloadedError, TimeoutError } from "@trunkline/core/driver";
import { ManualClock, until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { opening } from "./support/opened.js";
import { type Consumer, type Peer, request, uniqueBus } from "./support/seam.js";

const { open } = opening();

async function pair(options: Record<string, unknown> = {}): Promise<{ client: Peer; server: Peer }> {
  const bus = uniqueBus();
  return { client: await open(bus, { options }), server: await open(bus) };
}

describe("credit (B13)", () => {
  test("a listener never has more unsettled than its credit; each verdict lets one more come", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("t", "s", { credit: 3 });
    for (let n = 0; n < 10; n += 1) await client.cast(client.to("t"), request(n));
    await until(() => consumer.deliveries.length === 3);
    for (let settled = 0; settled < 10; settled += 1) {
      await until(() => consumer.deliveries.length === Math.min(10, settled + 3));
      consumer.at(settled).take();
      consumer.at(settled).settle("done");
    }
    expect(consumer.numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("setCredit takes effect on what comes later", async () => {
    const { client, server } = await pair();
    const consumer = await server.serve("t", "s", { credit: 1 });
    for (let n = 0; n < 6; n += 1) await client.cast(client.to("t"), request(n));
    await until(() => consumer.deliveries.length === 1);
    consumer.listener.setCredit(4);
    await until(() => consumer.deliveries.length === 4);
    consumer.listener.setCredit(2);
    for (const index of [0, 1]) consumer.at(index).settle("done");
    await client.cast(client.to("t"), request("fence"));
    expect(consumer.deliveries).toHaveLength(4);
    consumer.at(2).settle("done");
    await until(() => consumer.deliveries.length === 5);
  });

  test("a free server takes what a busy one cannot", async () => {
    const { client, server } = await pair();
    const busy = await server.serve("t", "busy", { credit: 5 });
    for (let n = 0; n < 20; n += 1) await client.cast(client.to("t"), request(n));
    const free = await server.serve("t", "free", { answers: true });
    await until(() => free.deliveries.length === 15);
    expect(busy.numbers).toEqual([0, 1, 2, 3, 4]);
    expect(free.numbers).toEqual(Array.from({ length: 15 }, (_, n) => n + 5));
  });

  test("past the bound the sender is held to its deadline and then overloaded; past twice the bound refused at once", async () => {
    const { client, server } = await pair({ queueMessages: 4 });
    const consumer = await server.serve("t", "s", { credit: 1 });
    const sends = Array.from({ length: 9 }, (_, n) => client.send(client.to("t"), request(n)));
    const refused = client.call(client.to("t"), request("refused"));
    expect(await refused.done).toMatchObject({ error: { code: "ERR_OVERLOADED" }, mayHaveRun: false });
    // One in hand and four taken over; four are still their sender's.
    await Promise.all(sends.slice(0, 5).map(({ receipt }) => receipt));
    const states: string[] = [];
    sends[5]?.cancel((state) => {
      states.push(state);
      return new OverloadedError("no room");
    });
    await expect(sends[5]?.receipt).rejects.toBeInstanceOf(OverloadedError);
    expect(states).toEqual(["no-credit"]);
    (await until(() => consumer.deliveries[0])).settle("done");
    await sends[6]?.receipt;
    sends[0]?.cancel(() => new TimeoutError("too late to matter"));
    await until(() => consumer.deliveries.length === 2);
    for (let index = 1; index < 8; index += 1) {
      await until(() => consumer.deliveries.length > index);
      consumer.at(index).settle("done");
    }
    expect(consumer.numbers).toEqual([0, 1, 2, 3, 4, 6, 7, 8]);
  });

  test("the bound counts bytes, too", async () => {
    const { client, server } = await pair({ queueMiB: 0.01 });
    await server.serve("t", "s", { credit: 1 });
    const big = (): Promise<unknown> => client.cast(client.to("t"), request("x".repeat(6_000)));
    const sends = [big(), big(), big(), big(), big(), big()];
    await expect(sends[5]).rejects.toBeInstanceOf(OverloadedError);
    await Promise.all(sends.slice(0, 2));
  });
});

describe("leaving (E3)", () => {
  test("servers restarted one after another lose no call", async () => {
    const { client, server } = await pair();
    const answer = (consumer: Consumer): void => {
      for (const delivery of consumer.deliveries.splice(0)) {
        if (delivery.take()) delivery.settle("done", { ok: true, value: 1 });
        else delivery.settle("reject");
      }
    };
    let consumers = [await server.serve("t", "a", { credit: 4 }), await server.serve("t", "b", { credit: 4 })];
    const calls = Array.from({ length: 60 }, (_, n) => client.call(client.to("t"), request(n)));
    for (let round = 0; round < 6; round += 1) {
      const [leaving, staying] = consumers;
      if (leaving === undefined || staying === undefined) throw new Error("two servers");
      await until(() => leaving.deliveries.length > 0);
      // As core does: what was not begun goes back first, then intake ends, then what runs finishes.
      const running = leaving.deliveries.splice(0, 1);
      running[0]?.take();
      for (const delivery of leaving.deliveries.splice(0)) delivery.settle("hand-back");
      await leaving.listener.stop();
      for (const delivery of leaving.deliveries.splice(0)) delivery.settle("hand-back");
      running[0]?.settle("done", { ok: true, value: 1 });
      await leaving.listener.close();
      answer(staying);
      consumers = [staying, await server.serve("t", `again-${round}`, { credit: 4 })];
    }
    while (calls.some(({ ends }) => ends === 0)) {
      for (const consumer of consumers) answer(consumer);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const call of calls) expect(await call.done).toMatchObject({ ok: true });
  });

  test("what is handed back waits for the next server, and goes first", async () => {
    const clock = new ManualClock();
    const bus = uniqueBus();
    const client = await open(bus, { clock });
    const server = await open(bus, { clock });
    const first = await server.serve("t", "s", { credit: 2 });
    const casts = [1, 2, 3].map((n) => client.cast(client.to("t", "s"), request(n)));
    await clock.tick();
    await Promise.all(casts);
    await first.listener.close();
    await clock.tick(900);
    const second = await server.serve("t", "s", { answers: true });
    await clock.tick();
    expect(second.numbers).toEqual([1, 2, 3]);
    expect(second.deliveries.map(({ redelivered }) => redelivered)).toEqual([false, false, false]);
  });

  test("handed back with nobody to take it: a call is unreachable, a cast is reported lost at its deadline", async () => {
    const clock = new ManualClock();
    const bus = uniqueBus();
    const client = await open(bus, { clock });
    const server = await open(bus, { clock });
    const consumer = await server.serve("t", "s");
    const call = client.call(client.to("t"), request(1));
    await client.cast(client.to("t"), request(2));
    await clock.tick();
    await consumer.listener.close();
    await clock.tick(1_000);
    expect(await call.done).toMatchObject({ error: { code: "ERR_UNREACHABLE" }, mayHaveRun: false });
    expect(client.heard.castsLost).toEqual([]);
    await clock.tick(29_000);
    expect(client.heard.castsLost).toEqual([{ count: 1, peer: 'topic "t"' }]);
    expect(clock.timers).toBe(0);
  });

  test("a listener that hands back and stays does not get the same again", async () => {
    const { client, server } = await pair();
    const unwilling = await server.serve("t", "unwilling");
    const call = client.call(client.to("t"), request(1));
    await until(() => unwilling.deliveries.length === 1);
    unwilling.at(0).settle("hand-back");
    const willing = await server.serve("t", "willing", { answers: true });
    expect(await call.done).toMatchObject({ ok: true });
    expect([unwilling.numbers, willing.numbers]).toEqual([[1], [1]]);
  });

  test("closing is idempotent, ends all, and leaves no timer (E4)", async () => {
    const clock = new ManualClock();
    const bus = uniqueBus();
    const client = await open(bus, { clock });
    const server = await open(bus, { clock });
    const consumer = await server.serve("t", "s");
    const waiting = client.call(client.to("nobody"), request(1));
    const running = client.call(client.to("t"), request(1));
    const cast = client.cast(client.to("nobody"), request(1));
    await clock.tick();
    const closing = client.close();
    expect(client.close()).toBe(closing);
    await closing;
    expect(await waiting.done).toMatchObject({ error: { code: "ERR_CLOSED" }, mayHaveRun: false });
    expect(await running.done).toMatchObject({ error: { code: "ERR_CLOSED" }, mayHaveRun: true });
    await expect(cast).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(client.cast(client.to("t"), request(1))).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(client.serve("t", "s")).rejects.toMatchObject({ code: "ERR_CLOSED" });
    expect(await client.call(client.to("t"), request(1)).done).toMatchObject({
      error: { code: "ERR_CLOSED" },
      mayHaveRun: false,
    });
    expect(client.heard.status.map(({ state }) => state)).toEqual(["closed"]);
    await server.close();
    expect(await consumer.listener.closed).toBeUndefined();
    await consumer.listener.stop();
    await consumer.listener.close();
    expect(clock.timers).toBe(0);
  });
});
