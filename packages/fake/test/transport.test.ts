import {
  type DriverFactory,
  openTransport,
  type RpcServer,
  type Transport,
  type TransportOptions,
} from "@trunkline/core";
import { ManualClock, until } from "@trunkline/core/testing";
import { afterEach, expect, test } from "vitest";
import { driver } from "../src/index.js";
import { controlsOf, uniqueBus } from "./support/seam.js";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(bus: string, options: TransportOptions = {}, query = ""): Promise<Transport> {
  const drivers: readonly DriverFactory[] = [driver];
  const transport = await openTransport(`fake://${bus}${query}`, { drivers, ...options });
  cleanups.push(() => transport.close());
  return transport;
}

test("an application's calls, casts and fanouts", async () => {
  const bus = uniqueBus();
  const server = await open(bus);
  const client = await open(bus);
  const noted: string[] = [];
  for (const name of ["host1@ceph", "host1@lvm"]) {
    await server.serve(
      { topic: "compute", server: name },
      {
        add: ({ a, b }: { a: number; b: number }) => a + b,
        note: ({ text }: { text: string }) => void noted.push(`${name} ${text}`),
        fail: () => {
          throw new RangeError("too far");
        },
      },
    );
  }
  const compute = client.client({ topic: "compute" });
  expect(await compute.call("add", { a: 1, b: 2 })).toBe(3);
  await expect(compute.call("fail")).rejects.toMatchObject({ code: "ERR_REMOTE", type: "RangeError" });
  await expect(compute.call("nope")).rejects.toMatchObject({ code: "ERR_NO_SUCH_METHOD" });
  expect(await compute.to({ server: "host1@lvm" }).cast("note", { text: "one" })).toEqual({ accepted: 1, lost: 0 });
  expect(await compute.fanout("note", { text: "all" })).toEqual({ accepted: 2, lost: 0 });
  await until(() => noted.length === 3);
  expect(noted.sort()).toEqual(["host1@ceph all", "host1@lvm all", "host1@lvm one"]);
});

test("deadlines say what was in the way, on the application's clock", async () => {
  const bus = uniqueBus();
  const clock = new ManualClock();
  const control = controlsOf(bus, (cleanup) => cleanups.push(cleanup));
  const transport = await open(bus, { clock }, "?discoveryMs=5000&peer=one");
  await transport.serve(
    { topic: "busy", server: "s" },
    { work: () => new Promise(() => {}) },
    { concurrency: 1, credit: 1, drainTimeoutMs: 1 },
  );
  const busy = transport.client({ topic: "busy" }, { timeoutMs: 1_000 });
  const outcomes = [
    busy.call("work"),
    busy.call("work"),
    transport.client({ topic: "nobody" }, { timeoutMs: 1_000 }).call("work"),
  ].map((call) => call.catch((error: { code: string }) => error.code));
  await clock.tick(1_100);
  expect(await Promise.all(outcomes)).toEqual(["ERR_TIMEOUT", "ERR_OVERLOADED", "ERR_TIMEOUT"]);
  control.cut();
  const waiting = busy.call("work").catch((error: { code: string }) => error.code);
  await clock.tick(1_100);
  expect(await waiting).toBe("ERR_TIMEOUT");
  const closing = transport.close();
  await clock.tick(100);
  await closing;
});

test("servers restarted one after another under load fail no call (E3)", async () => {
  const bus = uniqueBus();
  const transport = await open(bus);
  const client = await open(bus);
  const serve = (name: string): Promise<RpcServer> =>
    transport.serve(
      { topic: "t", server: name },
      { echo: ({ n }: { n: number }) => new Promise((resolve) => setImmediate(resolve, n)) },
      { concurrency: 2, credit: 4 },
    );
  let servers = [await serve("a"), await serve("b")];
  const echo = client.client({ topic: "t" });
  let isOver = false;
  let done = 0;
  const load = Array.from({ length: 16 }, async (_, caller) => {
    for (let n = caller; !isOver; n += 16) {
      expect(await echo.call("echo", { n })).toBe(n);
      done += 1;
    }
  });
  for (let round = 0; round < 10; round += 1) {
    const before = done;
    await until(() => done > before + 50);
    const [leaving, ...staying] = servers;
    await leaving?.stop();
    servers = [...staying, await serve(`again${round}`)];
  }
  isOver = true;
  await Promise.all(load);
});

test("a call lives on beats and dies without them (B8); an abort reaches the handler (B7)", async () => {
  const bus = uniqueBus();
  const clock = new ManualClock();
  const control = controlsOf(bus, (cleanup) => cleanups.push(cleanup));
  const server = await open(bus, { clock }, "?peer=server");
  const client = await open(bus, { clock });
  let finish: (value: string) => void = () => {};
  let aborted = false;
  await server.serve(
    { topic: "t", server: "s" },
    {
      slow: (_: object, call: { signal: AbortSignal }) => {
        call.signal.addEventListener("abort", () => {
          aborted = true;
        });
        return new Promise<string>((resolve) => {
          finish = resolve;
        });
      },
    },
  );
  const slow = client.client({ topic: "t" }, { timeoutMs: 60_000, monitorMs: 1_000 });
  const living = slow.call("slow");
  for (let second = 0; second < 10; second += 1) await clock.tick(1_000);
  finish("done");
  await clock.tick();
  expect(await living).toBe("done");
  const dying = slow.call("slow").catch((error: { code: string }) => error.code);
  await clock.tick(900);
  control.freeze("server");
  await clock.tick(1_500);
  expect(await dying).toBe("ERR_TIMEOUT");
  control.thaw("server");
  finish("late");
  const abort = new AbortController();
  const given = slow.call("slow", {}, { signal: abort.signal }).catch((error: { code: string }) => error.code);
  await clock.tick();
  abort.abort();
  expect(await given).toBe("ERR_ABORT");
  await clock.tick();
  expect(aborted).toBe(true);
  finish("unheard");
});

test("options are checked, unknown ones refused with the nearest", async () => {
  await expect(open("x", {}, "?discoverMs=1")).rejects.toMatchObject({
    code: "ERR_INVALID_TRANSPORT_URL",
    message: expect.stringContaining("discoveryMs"),
  });
  await expect(open("x", {}, "?queueMessages=0")).rejects.toMatchObject({ code: "ERR_INVALID_TRANSPORT_URL" });
});
