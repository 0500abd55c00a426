import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OverloadedError, TimeoutError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

const BAD_TIMEOUTS = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "5", null, {}];

describe("a deadline (B6)", () => {
  test("passes never early and at most one sweep late; the late reply is dropped (B9)", async () => {
    const { transport, clock, handlerErrors } = await openWorld();
    const gate = deferred();
    await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise });
    const call = transport.client({ topic: "t" }).call("m", {}, { timeoutMs: 1_000 });
    const fate = fateOf(call);
    await clock.tick(999);
    expect(fate.isSettled).toBe(false);
    await clock.tick(21);
    expect(fate.error).toBeInstanceOf(TimeoutError);
    expect(fate.error).toMatchObject({ code: "ERR_TIMEOUT", retryable: false });
    expect(String(fate.error)).toMatch(/m on topic "t" was sent.*may have run/);
    gate.resolve();
    await clock.tick(1);
    expect(handlerErrors).toEqual([]);
    expect(transport.stats().gauges["pending"]).toBe(0);
  });

  test("says what was in the way: a lost connection, or no room", async () => {
    const { transport, clock, bus } = await openWorld();
    const gate = deferred();
    await transport.serve({ topic: "t", server: "s" }, { m: () => gate.promise }, { concurrency: 1, credit: 1 });
    const client = transport.client({ topic: "t" }, { timeoutMs: 100 });
    const running = fateOf(client.to({ timeoutMs: 500 }).call("m"));
    const crowded = fateOf(client.call("m"));
    const castCrowded = fateOf(client.to({ sendTimeoutMs: 100 }).cast("m"));
    await clock.tick(120);
    expect(crowded.error).toBeInstanceOf(OverloadedError);
    expect(crowded.error).toMatchObject({ retryable: true });
    expect(String(crowded.error)).toMatch(/raise their concurrency/);
    expect(castCrowded.error).toBeInstanceOf(OverloadedError);
    bus.hold();
    const cut = fateOf(client.call("m"));
    await clock.tick(120);
    expect(String(cut.error)).toMatch(/lost connection; nothing was sent/);
    expect(running.isSettled).toBe(false);
    gate.resolve();
    bus.release();
    await clock.tick(1);
    expect(running.value).toBeNull();
  });

  test("says where the backend itself had no room, of a call, a monitored call and a cast", async () => {
    const { transport, clock, bus } = await openWorld();
    const ran: string[] = [];
    const endpoint = {
      m: () => {
        ran.push("m");
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    bus.hold("no-room");
    const client = transport.client({ topic: "t" }, { timeoutMs: 100, sendTimeoutMs: 100 });
    const fates = [
      fateOf(client.call("m")),
      fateOf(client.to({ timeoutMs: 5_000, monitorMs: 100 }).call("m")),
      fateOf(client.cast("m")),
    ];
    await clock.tick(120);
    for (const { error } of fates) {
      expect(error).toBeInstanceOf(OverloadedError);
      expect(error).toMatchObject({ retryable: true });
      expect(String(error)).toMatch(/the backend had no room for it: an alarm of memory or disk, or a full queue/);
    }
    bus.release();
    await client.call("m");
    expect(ran).toEqual(["m"]);
  });

  test("a call uses its own, else the client's, else the transport's", async () => {
    const { transport, bus } = await openWorld({ transport: { callTimeoutMs: 700 } });
    const left: number[] = [];
    const endpoint = { m: (_params: JsonObject, call: ServerCall) => left.push(call.remainingMs) };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const client = transport.client({ topic: "t" });
    await client.call("m");
    await client.to({ timeoutMs: 600 }).call("m");
    await client.to({ timeoutMs: 600 }).call("m", {}, { timeoutMs: 500 });
    await client.cast("m");
    await client.call("m");
    expect(left).toEqual([700, 600, 500, Number.POSITIVE_INFINITY, 700]);
    expect(bus.sent.length).toBe(5);
  });

  test("an expired request is dropped before dispatch, and counted", async () => {
    const { transport, clock, dropped, bus } = await openWorld();
    const first = deferred();
    const ran: unknown[] = [];
    const endpoint = {
      m: async ({ n }: JsonObject) => {
        ran.push(n);
        await first.promise;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint, { concurrency: 1, credit: 2 });
    const client = transport.client({ topic: "t" });
    const one = fateOf(client.call("m", { n: 1 }, { timeoutMs: 1_000 }));
    await clock.tick();
    const two = fateOf(client.call("m", { n: 2 }, { timeoutMs: 100 }));
    await clock.tick(130);
    expect(two.error).toBeInstanceOf(TimeoutError);
    first.resolve();
    await clock.tick(1);
    expect(one.value).toBeNull();
    expect(ran).toEqual([1]);
    expect(dropped).toEqual(["expired before dispatch"]);
    expect(bus.rejected.length).toBe(1);
  });

  test("fires the handler's signal, where the handler looks at it", async () => {
    const { transport, clock } = await openWorld({ capabilities: { cancel: false } });
    const seen = deferred<AbortSignal>();
    const gate = deferred();
    const endpoint = {
      m: async (_params: JsonObject, call: ServerCall) => {
        seen.resolve(call.signal);
        await gate.promise;
        return call.remainingMs;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const fate = fateOf(transport.client({ topic: "t" }).call("m", {}, { timeoutMs: 100 }));
    const signal = await seen.promise;
    await clock.tick(99);
    expect(signal.aborted).toBe(false);
    await clock.tick(1);
    expect(signal.reason).toBeInstanceOf(TimeoutError);
    gate.resolve();
    await clock.tick(30);
    expect(fate.error).toBeInstanceOf(TimeoutError);
    expect(clock.timers).toBe(0);
  });

  test("a handler that answers in time leaves no timer behind", async () => {
    const { transport, clock } = await openWorld();
    await transport.serve(
      { topic: "t", server: "s" },
      { m: (_params: JsonObject, call: ServerCall) => call.signal.aborted },
    );
    const client = transport.client({ topic: "t" });
    expect(await client.call("m")).toBe(false);
    await clock.tick(40);
    expect(clock.timers).toBe(0);
    await client.cast("m");
    await expect(client.to({ topic: "nobody" }).cast("m")).rejects.toThrow("nobody");
    await clock.tick(40);
    expect(clock.timers).toBe(0);
  });
});

describe("a timeout that is none", () => {
  test.each(BAD_TIMEOUTS)("%j is refused for calls, casts, clients and servers, and nothing is sent", async (bad) => {
    const { transport, bus } = await openWorld();
    // The wrong kinds are the point.
    const timeoutMs = bad as number;
    const client = transport.client({ topic: "t" });
    for (const attempt of [client.call("m", {}, { timeoutMs }), client.cast("m", {}, { timeoutMs })]) {
      const error = await attempt.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(String(error)).toMatch(/timeoutMs must be a number of milliseconds above 0 and at most 2147483647/);
    }
    if (bad !== null) {
      expect(() => transport.client({ topic: "t" }, { timeoutMs })).toThrow(InvalidArgumentError);
      expect(() => transport.client({ topic: "t" }, { sendTimeoutMs: timeoutMs })).toThrow(/sendTimeoutMs/);
    }
    expect(() => transport.client({ topic: "t" }, { monitorMs: timeoutMs })).toThrow(/monitorMs/);
    const serving = transport.serve(
      { topic: "t", server: "s" },
      { m: () => 1 },
      { drainTimeoutMs: bad === null ? 0 : timeoutMs },
    );
    await expect(serving).rejects.toThrow(/drainTimeoutMs/);
    expect(bus.sent).toEqual([]);
    expect(bus.listeners.size).toBe(0);
  });
});
