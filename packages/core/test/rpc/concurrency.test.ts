import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

describe("a server's bounds (B13)", () => {
  test("no more handlers run than its concurrency, and no more is in hand than its credit", async () => {
    const { transport, clock, bus } = await openWorld();
    const gates = Array.from({ length: 12 }, () => deferred());
    let running = 0;
    let most = 0;
    const started: unknown[] = [];
    const endpoint = {
      m: async ({ n }: JsonObject) => {
        running += 1;
        most = Math.max(most, running);
        started.push(n);
        await gates[Number(n)]?.promise;
        running -= 1;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint, { concurrency: 3, credit: 5 });
    const client = transport.client({ topic: "t" });
    const calls = gates.map((_gate, n) => client.call("m", { n }));
    await clock.tick();
    expect(started).toEqual([0, 1, 2]);
    expect([...bus.listeners].map((listener) => listener.inHand)).toEqual([5]);
    expect(bus.waiting.size).toBe(7);
    gates[1]?.resolve();
    await clock.tick();
    expect(started).toEqual([0, 1, 2, 3]);
    for (const gate of gates) gate.resolve();
    await Promise.all(calls);
    expect(most).toBe(3);
    expect(started).toEqual(gates.map((_gate, n) => n));
  });

  test("handlers that answer at once use no stack, however many wait", async () => {
    const { transport, clock } = await openWorld();
    const gate = deferred();
    const endpoint = { slow: () => gate.promise, fast: () => 1 };
    await transport.serve({ topic: "t", server: "s" }, endpoint, { concurrency: 1, credit: 20_001 });
    const client = transport.client({ topic: "t" });
    const calls = [client.call("slow"), ...Array.from({ length: 20_000 }, () => client.call("fast"))];
    await clock.tick();
    gate.resolve();
    expect((await Promise.all(calls)).length).toBe(20_001);
  });

  test("a server that is never idle forgets what it has answered", async () => {
    const { DeliveryQueue } = await import("../../src/rpc/delivery-queue.js");
    const queue = new DeliveryQueue<object>();
    queue.push({});
    for (let n = 0; n < 10_000; n += 1) {
      queue.push({ n });
      queue.shift();
    }
    expect(queue.size).toBe(1);
    expect(queue.capacity).toBeLessThan(200);
  });

  test("the defaults are 64 running and twice that in hand", async () => {
    const { transport, clock, bus } = await openWorld();
    const gate = deferred();
    let running = 0;
    const endpoint = {
      m: () => {
        running += 1;
        return gate.promise;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const client = transport.client({ topic: "t" });
    const calls = Array.from({ length: 200 }, () => client.call("m"));
    await clock.tick();
    expect(running).toBe(64);
    expect([...bus.listeners].map((listener) => listener.inHand)).toEqual([128]);
    gate.resolve();
    await Promise.all(calls);
  });

  test("a thenable that settles twice frees one place", async () => {
    const { transport, clock } = await openWorld();
    const gate = deferred();
    let running = 0;
    const endpoint = {
      twice: () => ({
        then: (done: (value: number) => void, failed: (error: Error) => void) => {
          done(1);
          done(2);
          failed(new Error("and thrice"));
        },
      }),
      m: () => {
        running += 1;
        return gate.promise;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint, { concurrency: 1, credit: 4 });
    const client = transport.client({ topic: "t" });
    expect(await client.call("twice")).toBe(1);
    const fates = [fateOf(client.call("m")), fateOf(client.call("m"))];
    await clock.tick();
    expect(running).toBe(1);
    gate.resolve();
    await clock.tick();
    expect(fates.map((fate) => fate.isSettled)).toEqual([true, true]);
  });

  test.each([
    [{ concurrency: 0 }, /concurrency must be a whole number of at least 1/],
    [{ concurrency: 1.5 }, /concurrency/],
    [{ concurrency: "4" }, /concurrency/],
    [{ concurrency: 8, credit: 7 }, /credit must be a whole number of at least 8/],
  ])("%j is refused, and nothing listens", async (options, message) => {
    const { transport, bus } = await openWorld();
    const serving = transport.serve({ topic: "t", server: "s" }, { m: () => 1 }, options as never);
    await expect(serving).rejects.toThrow(InvalidArgumentError);
    await expect(serving).rejects.toThrow(message);
    expect(bus.listeners.size).toBe(0);
  });
});

test("equal servers share the load: each gets at least a tenth of an even share (A2)", async () => {
  const { transport } = await openWorld();
  const counts = new Map<string, number>();
  for (const server of ["a", "b", "c"]) {
    await transport.serve({ topic: "t", server }, { m: () => counts.set(server, (counts.get(server) ?? 0) + 1).size });
  }
  const client = transport.client({ topic: "t" });
  await Promise.all(Array.from({ length: 300 }, () => client.call("m")));
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(300);
  expect(counts.size).toBe(3);
  for (const count of counts.values()) expect(count).toBeGreaterThanOrEqual(10);
});
