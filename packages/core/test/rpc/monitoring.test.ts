import { expect, test } from "vitest";
import { NotSupportedError, OverloadedError, TimeoutError } from "../../src/errors.js";
import { deferred } from "../../src/testing/deferred.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

test("a call lives as long as beats come, up to its deadline (B8)", async () => {
  const { transport, clock } = await openWorld();
  const gate = deferred<string>();
  await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise });
  const client = transport.client({ topic: "t" }, { monitorMs: 100, timeoutMs: 1_000 });
  const answered = fateOf(client.call("m"));
  await clock.tick(800);
  expect(answered.isSettled).toBe(false);
  gate.resolve("done");
  await clock.tick(1);
  expect(answered.value).toBe("done");
  await clock.tick(100);
  expect(clock.timers).toBe(0);
});

test("beats do not outlast the deadline", async () => {
  const { transport, clock } = await openWorld();
  const gate = deferred();
  await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise });
  const fate = fateOf(transport.client({ topic: "t" }, { monitorMs: 100, timeoutMs: 1_000 }).call("m"));
  await clock.tick(999);
  expect(fate.isSettled).toBe(false);
  await clock.tick(21);
  expect(String(fate.error)).toMatch(/its deadline passed without an answer/);
  gate.resolve();
});

test("it fails within the monitor time once beats stop", async () => {
  const { transport, clock, bus } = await openWorld();
  const gate = deferred();
  await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise });
  const fate = fateOf(transport.client({ topic: "t" }, { monitorMs: 100, timeoutMs: 10_000 }).call("m"));
  await clock.tick(500);
  expect(fate.isSettled).toBe(false);
  // As a process whose event loop is stuck: it is there, and its timers do not fire.
  const pending = [...bus.listeners].flatMap((listener) => listener.unsettled);
  for (const delivery of pending) delivery.beat = () => {};
  await clock.tick(49);
  expect(fate.isSettled).toBe(false);
  await clock.tick(100);
  expect(fate.error).toBeInstanceOf(TimeoutError);
  expect(String(fate.error)).toMatch(/has not been heard of for 100 ms; it may have run/);
  gate.resolve();
});

test("waiting in the server's queue counts as work", async () => {
  const { transport, clock } = await openWorld();
  const gate = deferred<string>();
  await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise }, { concurrency: 1, credit: 2 });
  const client = transport.client({ topic: "t" }, { monitorMs: 100, timeoutMs: 10_000 });
  const both = [fateOf(client.call("m")), fateOf(client.call("m"))];
  await clock.tick(2_000);
  expect(both.map((fate) => fate.isSettled)).toEqual([false, false]);
  gate.resolve("done");
  await clock.tick(1);
  expect(both.map((fate) => fate.value)).toEqual(["done", "done"]);
  await clock.tick(100);
  expect(clock.timers).toBe(0);
});

test("one that no server ever took says that nothing was sent", async () => {
  const { transport, clock } = await openWorld();
  const gate = deferred();
  await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise }, { concurrency: 1, credit: 1 });
  const client = transport.client({ topic: "t" }, { monitorMs: 100, timeoutMs: 10_000 });
  fateOf(client.call("m"));
  const crowded = fateOf(client.call("m"));
  await clock.tick(120);
  expect(crowded.error).toBeInstanceOf(OverloadedError);
  expect(String(crowded.error)).toMatch(/waited 100 ms \(monitorMs\)/);
  gate.resolve();
});

test("beats end with a request that is refused, dropped or cancelled", async () => {
  const { transport, clock } = await openWorld();
  const gate = deferred();
  await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise }, { concurrency: 1, credit: 3 });
  const client = transport.client({ topic: "t" }, { timeoutMs: 10_000 });
  const first = client.call("m");
  await clock.tick();
  const controller = new AbortController();
  const { signal } = controller;
  const known = fateOf(client.call("m", {}, { monitorMs: 100, signal }));
  const unknown = fateOf(client.call("none", {}, { monitorMs: 100, signal }));
  await clock.tick(50);
  controller.abort();
  gate.resolve();
  await first;
  await clock.tick(200);
  expect([known.isSettled, unknown.isSettled]).toEqual([true, true]);
  expect(clock.timers).toBe(0);
});

test("needs the capability, for a client and for one call", async () => {
  const { transport } = await openWorld({ capabilities: { callMonitor: false } });
  expect(() => transport.client({ topic: "t" }, { monitorMs: 5 })).toThrow(NotSupportedError);
  const call = transport.client({ topic: "t" }).call("m", {}, { monitorMs: 5 });
  await expect(call).rejects.toMatchObject({ capability: "callMonitor", driver: "loopback" });
});
