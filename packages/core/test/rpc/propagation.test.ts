import { describe, expect, test } from "vitest";
import { TimeoutError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import { deferred } from "../../src/testing/deferred.js";
import { until } from "../../src/testing/until.js";
import type { JsonObject } from "../../src/value.js";
import { fateOf, openWorld } from "../support/rpc-world.js";

describe("what is called inside a handler", () => {
  test("inherits its context (D1), unless that is replaced; two handlers never mix", async () => {
    const { transport, open } = await openWorld();
    const inner = (await open()).client({ topic: "inner" });
    const contexts: unknown[] = [];
    await transport.serve(
      { topic: "inner", server: "s" },
      { context: (_params: JsonObject, call: ServerCall) => call.context },
    );
    const together = deferred();
    let waiting = 0;
    const endpoint = {
      outer: async () => {
        waiting += 1;
        if (waiting === 2) together.resolve();
        await together.promise;
        contexts.push(await inner.call("context", {}, { context: { own: true } }));
        return await inner.call("context");
      },
    };
    await transport.serve({ topic: "outer", server: "s" }, endpoint);
    const client = transport.client({ topic: "outer" });
    const calls = ["a", "b"].map((user) => client.call("outer", {}, { context: { user } }));
    expect(await Promise.all(calls)).toEqual([{ user: "a" }, { user: "b" }]);
    expect(contexts).toEqual([{ own: true }, { own: true }]);
    expect(await inner.call("context")).toEqual({});
  });

  test("inherits its deadline (B6): a nested call never waits longer", async () => {
    const { transport, clock } = await openWorld();
    const left: number[] = [];
    const inner = transport.client({ topic: "inner" });
    await transport.serve(
      { topic: "inner", server: "s" },
      { left: (_params: JsonObject, call: ServerCall) => left.push(call.remainingMs) },
    );
    const endpoint = {
      outer: async () => {
        await inner.call("left", {}, { timeoutMs: 5_000 });
        await inner.call("left", {}, { timeoutMs: 50 });
        await inner.cast("left");
      },
    };
    await transport.serve({ topic: "outer", server: "s" }, endpoint);
    await transport.client({ topic: "outer" }).call("outer", {}, { timeoutMs: 400 });
    await until(() => left.length === 3);
    expect(left).toEqual([400, 50, Number.POSITIVE_INFINITY]);
    expect(clock.now()).toBe(0);
  });

  test("after the deadline sends nothing", async () => {
    const { transport, clock, bus } = await openWorld();
    const inner = transport.client({ topic: "inner" });
    await transport.serve({ topic: "inner", server: "s" }, { m: () => 1 });
    const gate = deferred();
    const started = deferred();
    const nested = deferred<unknown>();
    const endpoint = {
      outer: async () => {
        started.resolve();
        await gate.promise;
        nested.resolve(await inner.call("m").catch((reason: unknown) => reason));
      },
    };
    await transport.serve({ topic: "outer", server: "s" }, endpoint);
    fateOf(transport.client({ topic: "outer" }).call("outer", {}, { timeoutMs: 100 }));
    await started.promise;
    await clock.tick(150);
    gate.resolve();
    const error = await nested.promise;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(String(error)).toMatch(/nothing was sent/);
    expect(bus.sent.map(({ message }) => ("method" in message ? message.method : ""))).toEqual(["outer"]);
  });

  test("repeats within the handler's deadline, not only its own", async () => {
    const { transport, clock, bus } = await openWorld({ transport: { random: () => 1 } });
    const inner = transport.client({ topic: "inner" }, { retry: { attempts: 99 }, timeoutMs: 10_000 });
    const nested = deferred<number>();
    const endpoint = {
      outer: async () => {
        await inner.call("m").catch(() => nested.resolve(clock.now()));
      },
    };
    await transport.serve({ topic: "outer", server: "s" }, endpoint);
    const call = fateOf(transport.client({ topic: "outer" }).call("outer", {}, { timeoutMs: 500 }));
    await clock.tick(600);
    expect(call.isSettled).toBe(true);
    expect(nested.isSettled).toBe(true);
    expect(await nested.promise).toBeLessThanOrEqual(500);
    expect(bus.waiting.size).toBe(0);
  });

  test("emits with the handler's context", async () => {
    const { transport } = await openWorld();
    const heard = deferred<unknown>();
    await transport.listen([{ topic: "notifications" }], {
      info: (event: { context: JsonObject }) => heard.resolve(event.context),
    });
    const notifier = transport.notifier({ publisherId: "p" });
    await transport.serve({ topic: "t", server: "s" }, { m: () => notifier.info("e", {}).then(() => null) });
    await transport.client({ topic: "t" }, { context: { user: "u" } }).call("m");
    expect(await heard.promise).toEqual({ user: "u" });
  });

  test("inherits nothing with propagate: false", async () => {
    const { transport, open } = await openWorld({ transport: { propagate: false } });
    const inner = transport.client({ topic: "inner" });
    const seen = { contexts: [] as unknown[], left: [] as number[] };
    const innermost = {
      m: (_params: JsonObject, call: ServerCall) => {
        seen.contexts.push(call.context);
        seen.left.push(call.remainingMs);
      },
    };
    await transport.serve({ topic: "inner", server: "s" }, innermost);
    // Neither from a handler of its own, whosever client that calls with, nor into a client of its own from another's handler.
    const propagating = await open({ propagate: true });
    const theirs = propagating.client({ topic: "inner" });
    const outer = { m: () => inner.call("m", {}, { timeoutMs: 9_000 }) };
    await transport.serve({ topic: "through", server: "s" }, { m: () => theirs.call("m", {}, { timeoutMs: 9_000 }) });
    await transport.serve({ topic: "own", server: "s" }, outer);
    await propagating.serve({ topic: "others", server: "s" }, outer);
    for (const topic of ["own", "through", "others"]) {
      await transport.client({ topic }, { context: { user: "u" }, timeoutMs: 300 }).call("m");
    }
    expect(seen).toEqual({ contexts: [{}, {}, {}], left: [9_000, 9_000, 9_000] });
  });
});
