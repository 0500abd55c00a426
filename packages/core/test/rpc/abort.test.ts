import { expect, test } from "vitest";
import { AbortError, InvalidArgumentError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

test("cancelling rejects at once, and reaches the handler's signal (B7)", async () => {
  const { transport, clock } = await openWorld();
  const seen = deferred<AbortSignal>();
  const gate = deferred();
  const endpoint = {
    m: (_params: JsonObject, call: ServerCall) => {
      seen.resolve(call.signal);
      return gate.promise;
    },
  };
  await transport.serve({ topic: "t", server: "s" }, endpoint);
  const controller = new AbortController();
  const fate = fateOf(transport.client({ topic: "t" }).call("m", {}, { signal: controller.signal }));
  const signal = await seen.promise;
  controller.abort(new Error("enough"));
  await clock.tick();
  expect(fate.error).toBeInstanceOf(AbortError);
  expect(fate.error).toMatchObject({ code: "ERR_ABORT", cause: { message: "enough" }, retryable: false });
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBeInstanceOf(AbortError);
  expect(transport.stats().gauges["pending"]).toBe(0);
  gate.resolve();
});

test("a handler that reads its signal only after the cancel finds it aborted", async () => {
  const { transport, clock } = await openWorld();
  const started = deferred();
  const gate = deferred();
  const answer = deferred<boolean>();
  const endpoint = {
    m: async (_params: JsonObject, call: ServerCall) => {
      started.resolve();
      await gate.promise;
      answer.resolve(call.signal.aborted);
    },
  };
  await transport.serve({ topic: "t", server: "s" }, endpoint);
  const controller = new AbortController();
  fateOf(transport.client({ topic: "t" }).call("m", {}, { signal: controller.signal }));
  await started.promise;
  controller.abort();
  await clock.tick();
  gate.resolve();
  expect(await answer.promise).toBe(true);
});

test("where the manifest does not claim cancel the caller is free all the same, and the handler goes on", async () => {
  const { transport, clock } = await openWorld({ capabilities: { cancel: false } });
  const seen = deferred<AbortSignal>();
  const gate = deferred();
  const endpoint = {
    m: (_params: JsonObject, call: ServerCall) => {
      seen.resolve(call.signal);
      return gate.promise;
    },
  };
  await transport.serve({ topic: "t", server: "s" }, endpoint);
  const controller = new AbortController();
  const fate = fateOf(transport.client({ topic: "t" }).call("m", {}, { signal: controller.signal }));
  const signal = await seen.promise;
  controller.abort();
  await clock.tick();
  expect(fate.error).toBeInstanceOf(AbortError);
  expect(signal.aborted).toBe(false);
  gate.resolve();
});

test("a signal that was aborted before sends nothing", async () => {
  const { transport, bus } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
  const client = transport.client({ topic: "t" });
  const signal = AbortSignal.abort("no");
  for (const attempt of [
    client.call("m", {}, { signal }),
    client.cast("m", {}, { signal }),
    client.fanout("m", {}, { signal }),
  ]) {
    await expect(attempt).rejects.toMatchObject({ code: "ERR_ABORT", cause: "no" });
  }
  expect(bus.sent).toEqual([]);
});

test("a call cancelled while it waits is never dispatched", async () => {
  const { transport, clock, bus, dropped } = await openWorld();
  const gate = deferred();
  const ran: unknown[] = [];
  const endpoint = {
    m: async ({ n }: JsonObject) => {
      ran.push(n);
      await gate.promise;
    },
  };
  await transport.serve({ topic: "t", server: "s" }, endpoint, { concurrency: 1, credit: 2 });
  const client = transport.client({ topic: "t" });
  const first = client.call("m", { n: 1 });
  await clock.tick();
  const controller = new AbortController();
  const { signal } = controller;
  const fates = [2, 3].map((n) => fateOf(client.call("m", { n }, { signal })));
  const cast = fateOf(client.cast("m", { n: 4 }, { signal }));
  await clock.tick();
  controller.abort();
  await clock.tick();
  expect(fates.map((fate) => fate.error)).toEqual([expect.any(AbortError), expect.any(AbortError)]);
  expect(cast.error).toBeInstanceOf(AbortError);
  expect(bus.waiting.size).toBe(0);
  gate.resolve();
  await first;
  await client.call("m", { n: 5 });
  expect(ran).toEqual([1, 5]);
  expect(dropped).toEqual(["cancelled before dispatch"]);
});

test("a signal outlives its calls without holding on to them", async () => {
  const { transport } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
  const client = transport.client({ topic: "t" });
  const listeners = new Set<unknown>();
  const { signal } = new AbortController();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (type: "abort", listener: () => void) => {
      listeners.add(listener);
      add(type, listener);
    },
    removeEventListener: (type: "abort", listener: () => void) => {
      listeners.delete(listener);
      remove(type, listener);
    },
  });
  await client.call("m", {}, { signal });
  await client.cast("m", {}, { signal });
  expect(listeners.size).toBe(0);
});

test("what is no signal is refused before anything is sent", async () => {
  const { transport, bus } = await openWorld();
  await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
  // The wrong kind is the point.
  const signal = { aborted: false } as AbortSignal;
  const call = transport.client({ topic: "t" }).call("m", {}, { signal });
  await expect(call).rejects.toThrow(InvalidArgumentError);
  await expect(call).rejects.toThrow(/signal must be an AbortSignal/);
  expect(bus.sent).toEqual([]);
});
