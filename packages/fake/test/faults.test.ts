import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import type { FakeBus, Fault } from "../src/index.js";
import { opening } from "./support/opened.js";
import { type Consumer, event, type Peer, request, uniqueBus } from "./support/seam.js";

const { open, controls } = opening();

interface Scene {
  readonly clock: ManualClock;
  readonly client: Peer;
  readonly server: Peer;
  readonly consumer: Consumer;
  readonly control: FakeBus;
}

async function scene(): Promise<Scene> {
  const bus = uniqueBus();
  const clock = new ManualClock();
  const control = controls(bus);
  const client = await open(bus, { clock, options: { peer: "client" } });
  const server = await open(bus, { clock, options: { peer: "server" } });
  return { clock, client, server, control, consumer: await server.serve("t", "s", { answers: true }) };
}

describe("drop", () => {
  test("a dropped call never arrives, and nobody says so", async () => {
    const { clock, client, consumer, control } = await scene();
    const fault = control.fault({ action: "drop", match: { kind: "call", method: "boot" } });
    const other = client.call(client.to("t"), request(1));
    const call = client.call(client.to("t"), request(2, { method: "boot" }));
    const next = client.call(client.to("t"), request(3, { method: "boot" }));
    await clock.tick(10_000);
    expect([other.ends, call.ends, next.ends]).toEqual([1, 0, 1]);
    expect(consumer.numbers).toEqual([1, 3]);
    expect(fault.hits).toBe(1);
    expect(call.handle.cancel("deadline")).toBe("sent");
  });

  test("a dropped reply: the handler ran, the caller waits", async () => {
    const { clock, client, consumer, control } = await scene();
    control.fault({ action: "drop", match: { kind: "reply", method: "do" } });
    const call = client.call(client.to("t"), request(1));
    await clock.tick(1_000);
    expect([call.ends, consumer.numbers]).toEqual([0, [1]]);
    // The server has settled it: its credit is free.
    expect(client.driver.stats().gauges["bus.waiting"]).toBe(0);
  });
});

describe("which messages", () => {
  test("nth and times count the messages that match", async () => {
    const { clock, client, consumer, control } = await scene();
    const fault = control.fault({ action: "drop", match: ({ kind }) => kind === "cast", nth: 3, times: 2 });
    for (let n = 1; n <= 6; n += 1) client.send(client.to("t"), request(n));
    client.send({ ...client.to("t"), fanout: true }, request("fan"));
    await clock.tick();
    expect(consumer.numbers).toEqual([1, 2, 5, 6, "fan"]);
    expect(fault.hits).toBe(2);
  });

  test("the first that fits happens; a cancelled one does not", async () => {
    const { clock, client, consumer, control } = await scene();
    const all = control.fault({ action: "drop", times: Number.POSITIVE_INFINITY });
    const never = control.fault({ action: "drop" });
    client.send(client.to("t"), request(1));
    await clock.tick();
    all.cancel();
    never.cancel();
    client.send(client.to("t"), request(2));
    await clock.tick();
    expect([consumer.numbers, all.hits, never.hits]).toEqual([[2], 1, 0]);
  });

  test("events by type, priority and sender", async () => {
    const { clock, client, server, control } = await scene();
    const listener = await client.events("n", { priorities: ["info", "error"], answers: true });
    control.fault({ action: "drop", match: { eventType: "a", priority: "error", peer: "server" }, times: 9 });
    for (const peer of [client, server]) {
      for (const eventType of ["a", "b"]) {
        for (const priority of ["info", "error"] as const) {
          peer.send(peer.to("n"), event(`${eventType} ${priority}`, { eventType, priority }));
        }
      }
    }
    await clock.tick();
    expect(listener.numbers).toHaveLength(7);
    expect(listener.numbers.filter((n) => n === "a error")).toHaveLength(1);
  });

  test.each([
    { action: "drop", nth: 0 },
    { action: "drop", nth: 1.5 },
    { action: "drop", times: 0 },
    { action: "delay", delayMs: -1 },
    { action: "delay", delayMs: Number.NaN },
    { action: "drop", times: 1.5 },
    { action: "delay", delayMs: Number.POSITIVE_INFINITY },
  ] as const)("%o makes no sense", (fault) => {
    expect(() => controls(uniqueBus()).fault(fault)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });

  test.each([
    [{ action: "dropp" }, `a fault's action cannot be "dropp"; did you mean drop?`],
    [{ match: {} }, "a fault's action cannot be undefined; it is one of drop, delay, duplicate, disconnect"],
    [{ action: "drop", mach: {} }, `a fault does not know "mach"; did you mean match?`],
    [{ action: "drop", time: 2 }, `a fault does not know "time"; did you mean times?`],
    [{ action: "drop", delayMs: 5 }, "a fault of action drop has no delayMs"],
    [{ action: "duplicate", delivered: true }, "a fault of action duplicate has no delivered"],
    [{ action: "delay" }, "delayMs must be a finite number from 0, got undefined"],
    [{ action: "delay", delayMs: "5" }, "delayMs must be a finite number from 0, got 5"],
    [{ action: "disconnect", delivered: "no" }, "delivered must be true or false, got no"],
    [{ action: "drop", match: { metod: "boot" } }, `a fault's match does not know "metod"; did you mean method?`],
    [{ action: "drop", match: { bytes: 5 } }, `a fault's match does not know "bytes"; it knows kind, peer`],
    [{ action: "drop", match: { kind: "replay" } }, `a match's kind cannot be "replay"; did you mean reply?`],
    [{ action: "drop", match: { priority: "eror" } }, `a match's priority cannot be "eror"; did you mean error?`],
    [{ action: "drop", match: { topic: /t/ } }, "a match's topic must be a string, got /t/"],
    [{ action: "drop", match: "call" }, "a fault's match must be an object with some of kind"],
    [{ action: "drop", match: null }, "a fault's match must be an object"],
    ["drop", "a fault must be an object with some of action, match, nth, times"],
  ])("the typing mistake in %o is told, and nothing is armed", (fault, told) => {
    // As from a program without types.
    expect(() => controls(uniqueBus()).fault(fault as Fault)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT", message: expect.stringContaining(told) }),
    );
  });

  test("a fact that is given as undefined is as if left out", async () => {
    const { clock, client, consumer, control } = await scene();
    control.fault({ action: "drop", match: { kind: undefined, topic: "t" } });
    client.send(client.to("t"), request(1));
    await clock.tick();
    expect(consumer.numbers).toEqual([]);
  });
});

describe("delay", () => {
  test("holds up one message; the next overtakes it", async () => {
    const { clock, client, consumer, control } = await scene();
    control.fault({ action: "delay", delayMs: 200 });
    const late = client.call(client.to("t"), request(1));
    const call = client.call(client.to("t"), request(2));
    await clock.tick(199);
    expect([late.ends, call.ends]).toEqual([0, 1]);
    await clock.tick(1);
    expect(late.ends).toBe(1);
    expect(consumer.numbers).toEqual([2, 1]);
  });

  test("what is held up is lost with the link, and leaves no timer", async () => {
    const { clock, client, consumer, control } = await scene();
    control.fault({ action: "delay", delayMs: 200 });
    const call = client.call(client.to("t"), request(1));
    await clock.tick();
    control.cut("client");
    control.heal("client");
    await clock.tick(1_000);
    expect(await call.done).toMatchObject({ mayHaveRun: true });
    expect([consumer.numbers, clock.timers]).toEqual([[], 0]);
  });
});

describe("duplicate (B10)", () => {
  test("a request that comes twice runs once, whoever else could have run it", async () => {
    const { clock, client, server, consumer, control } = await scene();
    const other = await server.serve("t", "other", { answers: true });
    control.fault({ action: "duplicate", times: 50, match: { topic: "t" } });
    const calls = Array.from({ length: 20 }, (_, n) => client.call(client.to("t"), request(n)));
    await clock.tick();
    for (const call of calls) expect(await call.done).toMatchObject({ ok: true });
    expect(consumer.deliveries.length + other.deliveries.length).toBe(20);
    expect(calls.every(({ ends }) => ends === 1)).toBe(true);
    // 20 requests came twice, and 20 replies.
    expect(client.driver.stats().counters).toMatchObject({ duplicates: 20, lateReplies: 20 });
  });

  test("an event that comes twice to one listener is dispatched once", async () => {
    const { clock, client, server, control } = await scene();
    const listener = await server.events("n", { answers: true });
    control.fault({ action: "duplicate" });
    client.send(client.to("n"), event(1));
    await clock.tick();
    expect(listener.deliveries).toHaveLength(2);
    expect(server.driver.stats().counters["duplicates"]).toBe(1);
    expect(server.heard.dropped).toEqual([{ count: 1, reason: "it came before under its own id", peer: "client" }]);
  });
});

describe("disconnect", () => {
  test("the message is lost with the link, which comes back by itself", async () => {
    const { clock, client, consumer, control } = await scene();
    control.fault({ action: "disconnect" });
    const call = client.call(client.to("t"), request(1));
    await clock.tick();
    expect(await call.done).toMatchObject({ error: { code: "ERR_CONNECTION_LOST" }, mayHaveRun: true });
    const next = client.call(client.to("t"), request(2));
    await clock.tick(9);
    expect(next.ends).toBe(0);
    await clock.tick(1);
    expect(await next.done).toMatchObject({ ok: true });
    expect(consumer.numbers).toEqual([2]);
    expect(client.heard.status.map(({ state }) => state)).toEqual(["degraded", "connected"]);
  });

  test("delivered: it ran, and the caller cannot know", async () => {
    const { clock, client, consumer, control } = await scene();
    control.fault({ action: "disconnect", delivered: true, match: { kind: "call" } });
    const call = client.call(client.to("t"), request(1));
    await clock.tick();
    expect(await call.done).toMatchObject({ mayHaveRun: true });
    expect(consumer.numbers).toEqual([1]);
  });

  test("of a reply it is the caller's link, before or after it arrived", async () => {
    const { clock, client, control } = await scene();
    control.fault({ action: "disconnect", match: { kind: "reply" } });
    const lost = client.call(client.to("t"), request(1));
    await clock.tick(10);
    expect(await lost.done).toMatchObject({ mayHaveRun: true });
    control.fault({ action: "disconnect", delivered: true, match: { kind: "reply" } });
    const kept = client.call(client.to("t"), request(2));
    await clock.tick(10);
    expect(await kept.done).toMatchObject({ ok: true });
    expect(client.driver.stats().counters["disconnects"]).toBe(2);
  });
});
