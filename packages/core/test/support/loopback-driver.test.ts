import { expect, test } from "vitest";
import { type DriverHost, silentLogger, systemClock } from "../../src/host.js";
import type { Address, Delivery, Event, Listener, Outcome, Request, SendOptions } from "../../src/seam.js";
import { parseTransportUrl } from "../../src/transport-url.js";
import { type LoopbackDriver, type LoopbackFactory, loopbackFactory } from "./loopback-driver.js";

let ids = 0;
const host: DriverHost = { clock: systemClock, logger: silentLogger, random: Math.random, newId: () => `id${++ids}` };
const options: SendOptions = { until: Number.POSITIVE_INFINITY, onCancel: () => {} };
const address = (topic: string, server?: string): Address => ({
  realm: "",
  exchange: "default",
  topic,
  ...(server === undefined ? {} : { server }),
});
const request = (method: string): Request => ({
  kind: "request",
  id: `id${++ids}`,
  context: {},
  headers: {},
  method,
  params: {},
});
const event = (eventType: string): Event => ({
  kind: "event",
  id: `id${++ids}`,
  context: {},
  headers: {},
  publisherId: "p",
  eventType,
  priority: "info",
  payload: { n: 1 },
  timestamp: "2026-01-01T00:00:00.000Z",
});

async function open(factory: LoopbackFactory): Promise<LoopbackDriver> {
  await factory.open(parseTransportUrl("loopback://"), host, { connectTimeoutMs: 1 });
  const driver = factory.opened.at(-1);
  if (driver === undefined) throw new Error("nothing was opened");
  return driver;
}

/** Listens, and gives deliveries in order as they are asked for. */
async function collect(
  driver: LoopbackDriver,
  kind: "rpc" | "events",
  to: Address,
  credit: number,
  pool?: string,
): Promise<{ listener: Listener; next(): Promise<Delivery> }> {
  const arrived: Delivery[] = [];
  let wake: () => void = () => {};
  const subscription =
    kind === "rpc"
      ? { kind, address: to }
      : { kind, address: to, priorities: ["info" as const], ...(pool === undefined ? {} : { pool }) };
  const listener = await driver.listen(
    subscription,
    (delivery) => {
      arrived.push(delivery);
      wake();
    },
    { credit, acknowledge: "on-settle" },
  );
  return {
    listener,
    async next() {
      for (;;) {
        const delivery = arrived.shift();
        if (delivery !== undefined) return delivery;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

test("a call reaches one server within its credit, and its answer the caller", async () => {
  const factory = loopbackFactory();
  const [a, b] = [await open(factory), await open(factory)];
  const server = await collect(b, "rpc", address("t", "s"), 1);
  const outcomes: Promise<Outcome>[] = ["one", "two"].map(
    (method) =>
      new Promise((resolve, reject) => {
        a.call(
          address("t"),
          request(method),
          { accepted() {}, beat() {}, item() {}, end: resolve, lost: reject },
          { until: 1e9 },
        );
      }),
  );
  const first = await server.next();
  expect(factory.bus.waiting.size).toBe(1);
  expect(first.take()).toBe(true);
  first.settle("done", { ok: true, value: { a: [1] } });
  const second = await server.next();
  second.take();
  second.settle("done", { ok: false, failure: { type: "RangeError", message: "no" } });
  expect(await Promise.all(outcomes)).toEqual([
    { ok: true, value: { a: [1] } },
    { ok: false, failure: { type: "RangeError", message: "no" } },
  ]);
  await a.close();
  await b.close();
});

test("each pool gets an event once; what a dead listener held goes to another of its pool", async () => {
  const factory = loopbackFactory();
  const [a, b, c] = [await open(factory), await open(factory), await open(factory)];
  const one = await collect(b, "events", address("t"), 9, "pool");
  const other = await collect(c, "events", address("t"), 9);
  await expect(a.send(address("t"), event("x"), options)).resolves.toEqual({ accepted: 2, lost: 0 });
  const held = await one.next();
  held.take();
  (await other.next()).settle("done");
  const heir = await collect(c, "events", address("t"), 9, "pool");
  b.kill();
  const again = await heir.next();
  expect(again).toMatchObject({ redelivered: true, attempt: 1 });
  again.settle("requeue", undefined, { delayMs: 1 });
  expect(await heir.next()).toMatchObject({ redelivered: true, attempt: 2 });
  await Promise.all([a.close(), c.close()]);
});

test("a cast to nobody is unreachable, an event to nobody succeeds, a cancelled one names what was in the way", async () => {
  const factory = loopbackFactory();
  const driver = await open(factory);
  await expect(driver.send(address("t"), request("m"), options)).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
  await expect(driver.send(address("t"), event("m"), options)).resolves.toEqual({ accepted: 0, lost: 0 });
  await collect(driver, "rpc", address("t", "s"), 1);
  factory.bus.hold();
  const sent = driver.send(address("t"), request("m"), {
    until: 1,
    onCancel: (handle) => queueMicrotask(() => handle.cancel((wait) => Object.assign(new Error(wait)) as never)),
  });
  await expect(sent).rejects.toThrow("no-connection");
  await driver.close();
});
