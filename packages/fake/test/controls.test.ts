import { ManualClock, until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { driver, fakeBus } from "../src/index.js";
import { opening } from "./support/opened.js";
import { event, request, uniqueBus, urlOf } from "./support/seam.js";

const { open, controls } = opening();
const host = {
  clock: new ManualClock(),
  logger: { debug() {}, info() {}, warn() {}, error() {} },
  random: Math.random,
  newId: () => "id",
};

describe("what was sent", () => {
  test("is recorded with its facts and contents, replies included, in order", async () => {
    const bus = uniqueBus();
    const control = controls(bus);
    const client = await open(bus, { realm: "r", options: { peer: "api" } });
    const server = await open(bus, { realm: "r" });
    await server.serve("t", "s", { answers: true });
    const asked = request(1, { method: "boot", context: { user: "ada" } });
    await client.call(client.to("t", "s"), asked).done;
    await client.cast({ ...client.to("t"), fanout: true }, request(2));
    await client.cast(client.to("n", undefined, "other"), event(3, { priority: "error" }));
    expect(control.sent.map(({ kind }) => kind)).toEqual(["call", "reply", "fanout", "event"]);
    expect(control.sent[0]).toMatchObject({
      peer: "api",
      realm: "r",
      exchange: "default",
      topic: "t",
      server: "s",
      method: "boot",
      eventType: undefined,
      id: asked.id,
      message: { method: "boot", params: { n: 1 }, context: { user: "ada" } },
    });
    expect(control.sent[0]?.bytes).toBeGreaterThan(10);
    expect(control.sent[1]).toMatchObject({
      peer: "fake-1",
      method: "boot",
      id: asked.id,
      message: { ok: true, value: 1 },
    });
    expect(control.sent[3]).toMatchObject({
      eventType: "test.event",
      priority: "error",
      exchange: "other",
      method: undefined,
    });
    control.clearSent();
    expect(control.sent).toEqual([]);
  });

  test("is not kept where nobody watches, and is bounded where somebody does", async () => {
    const bus = uniqueBus();
    const peer = await open(bus);
    await peer.cast(peer.to("n"), event(1));
    const control = controls(bus);
    expect(control.sent).toEqual([]);
    await Promise.all(Array.from({ length: 10_010 }, (_, n) => peer.cast(peer.to("n"), event(n))));
    expect(control.sent).toHaveLength(10_000);
    expect(control.sent[0]?.message).toMatchObject({ payload: { n: 10 } });
  });
});

describe("the bus", () => {
  test("is one for all transports of a name, and forgotten with the last", async () => {
    const bus = uniqueBus();
    const first = await open(bus);
    expect(first.driver.stats().links).toEqual([{ peer: "fake-1", bus, state: "up" }]);
    const pool = await first.events("n", { pool: "p" });
    await pool.listener.close();
    await first.close();
    const second = await open(bus);
    expect(second.driver.stats().links[0]?.["peer"]).toBe("fake-1");
    expect(await second.cast(second.to("n"), event(1))).toEqual({ accepted: 0, lost: 0 });
  });

  test("reset heals, forgets and disarms", async () => {
    const bus = uniqueBus();
    const control = fakeBus(bus);
    control.fault({ action: "drop" });
    control.delay(1_000);
    control.freeze();
    control.cut();
    control.reset();
    const peer = await open(bus);
    const consumer = await peer.serve("t", "s", { answers: true });
    await peer.call(peer.to("t"), request(1)).done;
    expect(consumer.numbers).toEqual([1]);
    control.reset();
  });

  test("reset drops what was stored, once nobody is there", async () => {
    const bus = uniqueBus();
    const control = fakeBus(bus);
    const peer = await open(bus);
    await (await peer.events("n", { pool: "p" })).listener.close();
    await peer.cast(peer.to("n"), event(1));
    expect(control.waiting).toBe(1);
    expect(control.counters).toMatchObject({ messages: 1 });
    await peer.close();
    control.reset();
    expect(fakeBus(bus).waiting).toBe(0);
    fakeBus(bus).reset();
  });

  test("names its peers, and refuses a name that nobody has", async () => {
    const bus = uniqueBus();
    const control = controls(bus);
    await open(bus, { options: { peer: "api" } });
    await open(bus);
    expect(control.peers).toEqual(["api", "fake-1"]);
    expect(() => control.cut("appi")).toThrow(/"appi" is open on the bus; did you mean api\?/);
    expect(() => control.cut("else")).toThrow(/there are: api, fake-1/);
    // As from a program without types.
    for (const peer of [{ peer: "api" }, null, 5] as unknown[] as string[]) {
      expect(() => control.cut(peer)).toThrow(/a peer is named by a string/);
      expect(() => control.delay(5, 0, peer)).toThrow(/a peer is named by a string/);
      expect(() => fakeBus(peer)).toThrow(/a bus is named by a string/);
    }
    for (const delayMs of ["5", undefined] as unknown[] as number[]) {
      expect(() => control.delay(delayMs)).toThrow(/delayMs must be a finite number/);
    }
    expect(() => control.delay(-1)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  });

  test("two that answer each other without end leave room for timers and I/O", async () => {
    const bus = uniqueBus();
    const peer = await open(bus);
    await peer.serve("t", "s", { answers: true });
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, 20);
    let calls = 0;
    for (; !isOver; calls += 1) await peer.call(peer.to("t"), request(calls)).done;
    expect(calls).toBeGreaterThan(10);
  });

  test("statistics are plain data", async () => {
    const bus = uniqueBus();
    const peer = await open(bus, { options: { peer: "api" } });
    const consumer = await peer.serve("t", "s");
    const call = peer.call(peer.to("t"), request(1));
    await until(() => consumer.deliveries.length === 1);
    expect(peer.driver.stats()).toEqual({
      counters: expect.objectContaining({ "bus.messages": 1, "bus.deliveries": 1 }),
      gauges: {
        unanswered: 1,
        unsent: 0,
        listeners: 1,
        inHand: 1,
        "bus.transports": 1,
        "bus.waiting": 0,
        "bus.waitingBytes": 0,
      },
      links: [{ peer: "api", bus, state: "up" }],
    });
    call.handle.cancel("aborted");
  });
});

describe("the URL", () => {
  test.each([
    [{ hosts: [{ host: "a" }, { host: "b" }] }, { code: "ERR_NOT_SUPPORTED", capability: "failover" }],
    [{ hosts: [{ host: "a", user: "u", password: "p" }] }, { code: "ERR_NOT_SUPPORTED", capability: "auth" }],
    [{ hosts: [{ host: "a", port: 1 }] }, { code: "ERR_INVALID_TRANSPORT_URL", part: "port" }],
    [{ variant: "x" }, { code: "ERR_INVALID_TRANSPORT_URL", part: "scheme" }],
  ])("%o is refused", async (parts, error) => {
    await expect(driver.open({ ...urlOf("a"), ...parts }, host, { connectTimeoutMs: 1 })).rejects.toMatchObject(error);
  });

  test("the manifest is that of the open driver, and frozen", async () => {
    const url = urlOf(uniqueBus(), { maxMessageBytes: 5_000, detectionMs: 70 });
    const opened = await driver.open(url, host, { connectTimeoutMs: 1 });
    expect(opened.capabilities).toEqual(driver.capabilities(url));
    expect(opened.capabilities).toMatchObject({
      maxMessageBytes: 5_000,
      detectionMs: 70,
      crossProcess: false,
      streaming: false,
    });
    expect(Object.isFrozen(opened.capabilities)).toBe(true);
    await opened.close();
  });
});
