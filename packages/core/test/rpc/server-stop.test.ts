import { describe, expect, test } from "vitest";
import { InvalidTargetError, UnreachableError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

describe("stop drains (E3)", () => {
  test("what runs finishes and replies; what was never dispatched goes to another server", async () => {
    const { transport, clock, open } = await openWorld();
    const gate = deferred();
    const answer = (server: string) => ({
      m: async ({ n }: JsonObject) => {
        await gate.promise;
        return [server, n];
      },
    });
    const first = await transport.serve({ topic: "t", server: "a" }, answer("a"), { concurrency: 1, credit: 3 });
    const client = transport.client({ topic: "t" });
    const calls = [1, 2, 3, 4].map((n) => client.call("m", { n }));
    await clock.tick();
    const heir = await open();
    const second = heir.serve({ topic: "t", server: "b" }, answer("b"));
    await second;
    const stopped = fateOf(first.stop());
    await clock.tick();
    expect(stopped.isSettled).toBe(false);
    gate.resolve();
    expect(await Promise.all(calls)).toEqual([
      ["a", 1],
      ["b", 2],
      ["b", 3],
      ["b", 4],
    ]);
    await clock.tick();
    expect(stopped.isSettled).toBe(true);
    await expect(first.closed).resolves.toBeUndefined();
  });

  test("intake ends before anything is handed back, so that none of it comes here again", async () => {
    const { transport, clock, bus } = await openWorld();
    const gate = deferred();
    const server = await transport.serve(
      { topic: "t", server: "a" },
      { m: () => gate.promise },
      { concurrency: 1, credit: 3 },
    );
    const client = transport.client({ topic: "t" });
    for (let n = 0; n < 3; n += 1) fateOf(client.call("m"));
    await clock.tick();
    const [listener] = bus.listeners;
    if (listener === undefined) throw new Error("nobody listens");
    const held: number[] = [];
    const stop = listener.stop.bind(listener);
    listener.stop = () => {
      held.push(listener.inHand);
      return stop();
    };
    const stopping = server.stop();
    expect(held).toEqual([3]);
    expect(listener.inHand).toBe(1);
    gate.resolve();
    await stopping;
  });

  test("nothing new is taken, and a lone server's leavings find nobody", async () => {
    const { transport, clock } = await openWorld();
    const gate = deferred<string>();
    let ran = 0;
    const endpoint = {
      m: () => {
        ran += 1;
        return gate.promise;
      },
    };
    const server = await transport.serve({ topic: "t", server: "a" }, endpoint, { concurrency: 1, credit: 2 });
    const client = transport.client({ topic: "t" });
    const fates = [fateOf(client.call("m")), fateOf(client.call("m"))];
    await clock.tick();
    const stopping = server.stop();
    await clock.tick();
    expect(fates[1]?.error).toBeInstanceOf(UnreachableError);
    await expect(client.call("m")).rejects.toThrow(UnreachableError);
    gate.resolve("done");
    await stopping;
    expect(fates[0]?.value).toBe("done");
    expect(ran).toBe(1);
  });

  test("it waits no longer than drainTimeoutMs in all, then fires the signals, warns and leaves", async () => {
    const { transport, clock, warnings } = await openWorld();
    const never = deferred();
    const signals: AbortSignal[] = [];
    const endpoint = {
      look: (_params: JsonObject, call: ServerCall) => {
        signals.push(call.signal);
        return never.promise;
      },
      blind: () => never.promise,
    };
    const server = await transport.serve({ topic: "t", server: "a" }, endpoint, { drainTimeoutMs: 500 });
    const client = transport.client({ topic: "t" });
    const fates = [fateOf(client.call("look")), fateOf(client.call("blind"))];
    await clock.tick();
    const stopped = fateOf(server.stop());
    await clock.tick(499);
    expect([stopped.isSettled, signals[0]?.aborted]).toEqual([false, false]);
    await clock.tick(1);
    expect([stopped.isSettled, signals[0]?.aborted]).toEqual([true, true]);
    expect(warnings).toEqual(['server "a" left 2 handlers running after 500 ms']);
    await clock.tick(60);
    // The handlers went down with their server: their outcome is unknown.
    expect(fates.map((fate) => fate.error)).toEqual([
      expect.objectContaining({ code: "ERR_CONNECTION_LOST", mayHaveRun: true }),
      expect.objectContaining({ code: "ERR_CONNECTION_LOST", mayHaveRun: true }),
    ]);
    expect(clock.timers).toBe(0);
    never.resolve();
  });

  test("a signal that is read after the server left is aborted already", async () => {
    const { transport, clock } = await openWorld();
    const gate = deferred();
    const started = deferred();
    const read = deferred<boolean>();
    const endpoint = {
      m: async (_params: JsonObject, call: ServerCall) => {
        started.resolve();
        await gate.promise;
        read.resolve(call.signal.aborted);
      },
    };
    const server = await transport.serve({ topic: "t", server: "a" }, endpoint, { drainTimeoutMs: 10 });
    fateOf(transport.client({ topic: "t" }).call("m"));
    await started.promise;
    const stopping = server.stop();
    await clock.tick(10);
    await stopping;
    gate.resolve();
    expect(await read.promise).toBe(true);
  });

  test("is idempotent, one promise, and the server's disposal", async () => {
    const { transport, bus } = await openWorld();
    const server = await transport.serve({ topic: "t", server: "a" }, { m: () => 1 });
    const stopping = server.stop();
    expect(server.stop()).toBe(stopping);
    await stopping;
    await server[Symbol.asyncDispose]();
    expect(bus.listeners.size).toBe(0);
  });

  test("a server is single-use, and its name may be served again", async () => {
    const { transport } = await openWorld();
    const server = await transport.serve({ topic: "t", server: "a" }, { m: () => "first" });
    expect(await transport.client({ topic: "t" }).call("m")).toBe("first");
    await server.stop();
    await transport.serve({ topic: "t", server: "a" }, { m: () => "second" });
    expect(await transport.client({ topic: "t" }).call("m")).toBe("second");
  });

  test("restarting servers one after another under load fails no call", async () => {
    const { transport, clock, open } = await openWorld();
    const endpoint = { m: async ({ n }: JsonObject) => n };
    const options = { concurrency: 2, credit: 4 };
    let servers = await Promise.all(
      ["a", "b"].map(async (server) => (await open()).serve({ topic: "t", server }, endpoint, options)),
    );
    const client = transport.client({ topic: "t" });
    const calls: Promise<unknown>[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (let n = 0; n < 25; n += 1) calls.push(client.call("m", { n: calls.length }));
      const [oldest, ...rest] = servers;
      const fresh = await transport.serve({ topic: "t", server: `n${round}` }, endpoint, options);
      const stopping = oldest?.stop();
      await clock.tick();
      await stopping;
      servers = [...rest, fresh];
    }
    expect(await Promise.all(calls)).toEqual(calls.map((_call, n) => n));
  });
});

describe("a server ends by itself", () => {
  test("when its connection does: `closed` says why, a warning says so, and what ran is told", async () => {
    const { open, factory, warnings, clock } = await openWorld();
    const other = await open();
    const seen = deferred<AbortSignal>();
    const never = deferred();
    const endpoint = {
      m: (_params: JsonObject, call: ServerCall) => {
        seen.resolve(call.signal);
        return never.promise;
      },
    };
    const server = await other.serve({ topic: "t", server: "a" }, endpoint, { drainTimeoutMs: 100 });
    fateOf(other.client({ topic: "t" }).call("m"));
    const signal = await seen.promise;
    factory.opened[1]?.kill();
    await expect(server.closed).resolves.toMatchObject({ code: "ERR_CONNECTION_LOST" });
    expect(warnings).toEqual(['server "a" was ended by its driver']);
    const closed = fateOf(other.close());
    await clock.tick(99);
    expect([closed.isSettled, signal.aborted]).toEqual([false, false]);
    await clock.tick(1);
    expect([closed.isSettled, signal.aborted]).toEqual([true, true]);
    await clock.tick(40);
    expect(clock.timers).toBe(0);
    never.resolve();
  });
});

test.each([
  [{ topic: "t" }, /server name/],
  [{ server: "s" }, /topic/],
  [{ topic: "t", server: "s", version: "1.0" }, /endpoint's own/],
  [{ topic: "t", server: "s", namespace: "n" }, /endpoint's own/],
  [{ topic: "t", fanout: true }, /server name/],
  [{ topic: "", server: "s" }, /topic must not be empty/],
])("serving %j is refused (A6)", async (target, message) => {
  const { transport, bus } = await openWorld();
  const serving = transport.serve(target, { m: () => 1 });
  await expect(serving).rejects.toThrow(InvalidTargetError);
  await expect(serving).rejects.toThrow(message);
  expect(bus.listeners.size).toBe(0);
});
