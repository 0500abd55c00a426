import { describe, expect, test } from "vitest";
import {
  AbortError,
  ClosedError,
  ConnectionLostError,
  InvalidArgumentError,
  type MessagingError,
  OverloadedError,
  RemoteError,
  SerializationError,
  TimeoutError,
  UnreachableError,
} from "../../src/errors.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld, type World, type WorldOptions } from "../support/rpc-world.js";

/** A server that echoes, and a client that repeats three times after pauses of 50, 100 and 200 ms. */
async function openRetrying(options: WorldOptions = {}): Promise<World & { readonly calls: JsonObject[] }> {
  const world = await openWorld({ ...options, transport: { random: () => 1, ...options.transport } });
  const calls: JsonObject[] = [];
  const endpoint = {
    echo: (params: JsonObject) => {
      calls.push(params);
      return params;
    },
    fail: () => {
      calls.push({});
      throw new Error("the handler's own");
    },
  };
  await world.transport.serve({ topic: "t", server: "s" }, endpoint);
  return { ...world, calls };
}

const refusals = (count: number, error: () => MessagingError = () => new UnreachableError("away")): MessagingError[] =>
  Array.from({ length: count }, error);

describe("retries are asked for", () => {
  test("without `retry` nothing is repeated", async () => {
    const { transport, bus } = await openRetrying();
    bus.refuseNext(new UnreachableError("away"));
    await expect(transport.client({ topic: "t" }).call("echo")).rejects.toThrow("away");
    bus.refuseNext(new UnreachableError("away"));
    await expect(transport.client({ topic: "t" }, { retry: { attempts: 0 } }).cast("echo")).rejects.toThrow("away");
    expect(bus.waiting.size).toBe(0);
  });

  test.each([
    ["UnreachableError", () => new UnreachableError("away")],
    ["OverloadedError", () => new OverloadedError("full")],
    ["ConnectionLostError that certainly did not run", () => new ConnectionLostError("cut", false)],
  ])("%s is repeated for calls and casts", async (_name, error) => {
    const { transport, bus, clock, calls } = await openRetrying();
    const client = transport.client({ topic: "t" }, { retry: { attempts: 3 } });
    for (const how of ["call", "cast"] as const) {
      for (const refusal of refusals(3, error)) bus.refuseNext(refusal);
      const fate = fateOf<unknown>(client[how]("echo", { how }));
      await clock.tick(400);
      expect(fate.error).toBeUndefined();
      expect(fate.isSettled).toBe(true);
    }
    await clock.tick();
    expect(calls).toEqual([{ how: "call" }, { how: "cast" }]);
  });

  test.each([
    ["ConnectionLostError that may have run", () => new ConnectionLostError("cut", true)],
    ["TimeoutError", () => new TimeoutError("late")],
    ["ClosedError", () => new ClosedError("closed")],
  ])("%s is never repeated (B12)", async (_name, error) => {
    const { transport, bus, clock, calls } = await openRetrying();
    bus.refuseNext(error());
    const client = transport.client({ topic: "t" }, { retry: { attempts: 3 } });
    const fate = fateOf(client.call("echo"));
    await clock.tick(400);
    expect(fate.error).toBeInstanceOf(error().constructor);
    expect(calls).toEqual([]);
  });

  test("a handler's error is never repeated", async () => {
    const { transport, clock, calls } = await openRetrying();
    const fate = fateOf(transport.client({ topic: "t" }, { retry: { attempts: 3 } }).call("fail"));
    await clock.tick(400);
    expect(fate.error).toBeInstanceOf(RemoteError);
    expect(calls.length).toBe(1);
  });
});

describe("what bounds repeats", () => {
  test("attempts: the last error is the outcome", async () => {
    const { transport, bus, clock } = await openRetrying();
    for (let n = 1; n <= 4; n += 1) bus.refuseNext(new UnreachableError(`refusal ${n}`));
    const fate = fateOf(transport.client({ topic: "t" }, { retry: { attempts: 2 } }).call("echo"));
    await clock.tick(1_000);
    expect(String(fate.error)).toMatch(/refusal 3/);
  });

  test("the deadline: no pause that would pass it is begun", async () => {
    const { transport, bus, clock } = await openRetrying();
    for (const refusal of refusals(9)) bus.refuseNext(refusal);
    const client = transport.client({ topic: "t" }, { retry: { attempts: 9 }, timeoutMs: 160 });
    const fate = fateOf(client.call("echo"));
    await clock.tick(140);
    expect(fate.isSettled).toBe(false);
    await clock.tick(40);
    // 50 and 100 ms fit into 160 with the sweeps' lateness; 200 more do not.
    expect(fate.error).toBeInstanceOf(UnreachableError);
  });

  test("pauses double up to the longest, each within a sweep of its time", async () => {
    const { transport, bus, clock } = await openRetrying();
    const at: number[] = [];
    const refuse = bus.nextRefusal.bind(bus);
    bus.nextRefusal = () => {
      at.push(clock.now());
      return refuse();
    };
    for (const refusal of refusals(4)) bus.refuseNext(refusal);
    const retry = { attempts: 4, baseDelayMs: 100, maxDelayMs: 300 };
    const fate = fateOf(transport.client({ topic: "t" }, { retry }).call("echo"));
    await clock.tick(1_500);
    expect(fate.value).toEqual({});
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    for (const [index, least] of [100, 200, 300, 300].entries()) {
      expect(pauses[index]).toBeGreaterThanOrEqual(least);
      expect(pauses[index]).toBeLessThanOrEqual(least + 20);
    }
  });

  test("an abort ends a pause at once, and leaves no timer", async () => {
    const { transport, bus, clock } = await openRetrying();
    bus.refuseNext(new UnreachableError("away"));
    const controller = new AbortController();
    const client = transport.client({ topic: "t" }, { retry: { attempts: 1 } });
    const fate = fateOf(client.call("echo", {}, { signal: controller.signal }));
    await clock.tick(10);
    controller.abort();
    await clock.tick();
    expect(fate.error).toBeInstanceOf(AbortError);
    await clock.tick(40);
    expect(clock.timers).toBe(0);
  });

  test("a closing transport ends a pause with ClosedError, and leaves no timer (E4)", async () => {
    const { transport, bus, clock } = await openRetrying();
    bus.refuseNext(new UnreachableError("away"));
    const fate = fateOf(transport.client({ topic: "t" }, { retry: { attempts: 1 } }).call("echo"));
    await clock.tick(10);
    await transport.close();
    await clock.tick();
    expect(fate.error).toBeInstanceOf(ClosedError);
    expect(clock.timers).toBe(0);
  });
});

describe("what is repeated", () => {
  test.each(["call", "cast"] as const)("a snapshot: later changes do not travel (D2), by %s", async (how) => {
    const { transport, bus, clock, calls } = await openRetrying();
    bus.refuseNext(new UnreachableError("away"));
    const params = { list: [1] };
    const context = { user: "a" };
    const headers = { traceparent: "a" };
    const client = transport.client({ topic: "t" }, { retry: { attempts: 1 } });
    const fate = fateOf<unknown>(client[how]("echo", params, { context, headers }));
    params.list.push(2);
    context.user = "b";
    headers.traceparent = "b";
    await clock.tick(100);
    expect(fate.error).toBeUndefined();
    expect(calls).toEqual([{ list: [1] }]);
    expect(bus.sent.at(-1)?.message).toMatchObject({ context: { user: "a" }, headers: { traceparent: "a" } });
  });

  test("under a new id each time, so that no server takes it for a duplicate", async () => {
    const { transport, bus, clock } = await openRetrying();
    const client = transport.client({ topic: "t" }, { retry: { attempts: 1 } });
    bus.refuseNext(new UnreachableError("away"));
    const fate = fateOf(client.cast("echo"));
    await clock.tick(100);
    expect(fate.isSettled).toBe(true);
    expect(new Set(bus.sent.map(({ message }) => message.id)).size).toBe(2);
  });

  test.each([
    ["a function", { f: () => 1 }, "params.f"],
    ["a class's instance", { a: [new URL("x://y")] }, "params.a[0]"],
    ["a symbol", { s: Symbol("s") }, "params.s"],
  ])("%s is refused as it is without retries", async (_name, params, path) => {
    const { transport, bus } = await openRetrying();
    const client = transport.client({ topic: "t" }, { retry: { attempts: 1 } });
    for (const attempt of [client.call("echo", params), client.cast("echo", params)]) {
      const error = await attempt.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SerializationError);
      expect(error).toMatchObject({ path });
    }
    expect(bus.sent).toEqual([]);
  });

  test("what the serializer made of the application's own objects, once", async () => {
    const { transport, bus, clock, calls } = await openRetrying();
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
    }
    let times = 0;
    const serializer = {
      serializeValue: (value: unknown) => {
        times += 1;
        return { cents: (value as { price: Money }).price.cents };
      },
      deserializeValue: (value: unknown) => value,
      serializeContext: (context: JsonObject) => context,
      deserializeContext: (context: JsonObject) => context,
    };
    bus.refuseNext(new UnreachableError("away"));
    const client = transport.client({ topic: "t" }, { retry: { attempts: 1 }, serializer });
    const fate = fateOf(client.call("echo", { price: new Money(5) }));
    await clock.tick(100);
    expect(fate.value).toEqual({ cents: 5 });
    expect(calls).toEqual([{ cents: 5 }]);
    expect(times).toBe(1);
  });
});

test.each([
  [{ attempts: -1 }, /attempts/],
  [{ attempts: 1.5 }, /attempts/],
  [{ attempts: "3" }, /attempts/],
  [{ attempts: 1, baseDelayMs: 0 }, /baseDelayMs/],
  [{ attempts: 1, baseDelayMs: 50, maxDelayMs: 10 }, /maxDelayMs/],
  [{ attempts: 1, delay: 5 }, /"delay"/],
  [{}, /attempts/],
  [5, /retry must be an object/],
])("retry %j is refused with what to do", async (retry, message) => {
  const { transport } = await openWorld();
  const make = (): unknown => transport.client({ topic: "t" }, { retry: retry as never });
  expect(make).toThrow(InvalidArgumentError);
  expect(make).toThrow(message);
});
