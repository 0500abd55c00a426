import { describe, expect, test } from "vitest";
import { InvalidTargetError, NotSupportedError, UnreachableError } from "../../src/errors.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject } from "../../src/value.js";
import { Inbox } from "../support/notify-host.js";
import { openWorld } from "../support/rpc-world.js";

describe("a cast (B2)", () => {
  test("resolves when a server has it, and does not wait for the handler", async () => {
    const { transport } = await openWorld();
    const gate = deferred();
    const arrived = new Inbox<JsonObject>();
    const endpoint = {
      m: async (params: JsonObject) => {
        arrived.add(params);
        await gate.promise;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    expect(await transport.client({ topic: "t" }).cast("m", { n: 1 })).toEqual({ accepted: 1, lost: 0 });
    expect(await arrived.take(1)).toEqual([{ n: 1 }]);
    gate.resolve();
  });

  test("to nobody is unreachable (A7)", async () => {
    const { transport } = await openWorld();
    await expect(transport.client({ topic: "t" }).cast("m")).rejects.toThrow(UnreachableError);
  });

  test("is handled in the order sent at concurrency 1 (B11)", async () => {
    const { transport } = await openWorld();
    const arrived = new Inbox<unknown>();
    await transport.serve(
      { topic: "t", server: "s" },
      { m: ({ n }: JsonObject) => arrived.add(n) },
      { concurrency: 1 },
    );
    const client = transport.client({ topic: "t" });
    await Promise.all(Array.from({ length: 50 }, (_none, n) => client.cast("m", { n })));
    expect(await arrived.take(50)).toEqual(Array.from({ length: 50 }, (_none, n) => n));
  });

  test("whose handler throws is reported where it ran, and nobody else hears", async () => {
    const { transport, handlerErrors } = await openWorld();
    const sentinel = deferred();
    const failing = {
      bad: () => {
        throw new RangeError("no");
      },
      good: () => sentinel.resolve(),
    };
    await transport.serve({ topic: "t", server: "s" }, failing, { concurrency: 1 });
    const client = transport.client({ topic: "t" });
    await client.cast("bad");
    await client.cast("good");
    await sentinel.promise;
    expect(handlerErrors).toMatchObject([{ method: "bad", topic: "t", error: { message: "no" } }]);
  });

  test("of a method that nobody has is dropped, which is told where it was, and the server goes on", async () => {
    const { transport, dropped } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { m: () => "here" });
    const client = transport.client({ topic: "t" });
    await expect(client.cast("none")).resolves.toEqual({ accepted: 1, lost: 0 });
    await expect(client.call("m")).resolves.toBe("here");
    expect(dropped).toEqual([expect.stringMatching(/has no method "none"/)]);
  });
});

test("monitorMs is refused for what has no answer", async () => {
  const { transport, bus } = await openWorld();
  const client = transport.client({ topic: "t" });
  await expect(client.cast("m", {}, { monitorMs: 100 })).rejects.toThrow(/a cast has no answer to wait for/);
  await expect(client.fanout("m", {}, { monitorMs: 100 })).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  expect(bus.sent).toEqual([]);
});

describe("a directed message (A3)", () => {
  test("reaches that server only", async () => {
    const { transport } = await openWorld();
    for (const server of ["a", "ab", "b"]) {
      await transport.serve({ topic: "t", server }, { who: () => server });
    }
    const client = transport.client({ topic: "t", server: "ab" });
    expect(new Set(await Promise.all(Array.from({ length: 9 }, () => client.call("who"))))).toEqual(new Set(["ab"]));
  });

  test("needs the capability", async () => {
    const { transport } = await openWorld({ capabilities: { serverDirected: false } });
    expect(() => transport.client({ topic: "t", server: "s" })).toThrow(NotSupportedError);
  });
});

describe("a fanout (A4)", () => {
  test.each(["fanout", "cast"] as const)("reaches every server once, by %s", async (how) => {
    const { transport } = await openWorld();
    const arrived = new Inbox<string>();
    for (const server of ["a", "b", "c"]) {
      await transport.serve({ topic: "t", server }, { m: () => arrived.add(server) });
    }
    await transport.serve({ topic: "other", server: "d" }, { m: () => arrived.add("d") });
    const client = transport.client({ topic: "t", ...(how === "cast" ? { fanout: true } : {}) });
    expect(await client[how]("m")).toEqual({ accepted: 3, lost: 0 });
    expect([...(await arrived.take(3))].sort()).toEqual(["a", "b", "c"]);
    // A sentinel to each: had there been a second copy, or one for the other topic, it would have come before.
    await Promise.all(["a", "b", "c"].map((server) => client.to({ server, fanout: undefined }).call("m")));
    await client.to({ topic: "other", fanout: undefined }).call("m");
    expect([...arrived.items].sort()).toEqual(["a", "a", "b", "b", "c", "c", "d"]);
  });

  test("to nobody succeeds: nobody is also everybody", async () => {
    const { transport } = await openWorld();
    expect(await transport.client({ topic: "t" }).fanout("m")).toEqual({ accepted: 0, lost: 0 });
  });

  test("of a client that names a server is refused with what to do", async () => {
    const { transport } = await openWorld();
    const fanout = transport.client({ topic: "t", server: "s" }).fanout("m");
    await expect(fanout).rejects.toThrow(InvalidTargetError);
    await expect(fanout).rejects.toThrow(/to\(\{ server: undefined \}\)/);
  });

  test("needs the capability", async () => {
    const { transport } = await openWorld({ capabilities: { fanout: false } });
    expect(() => transport.client({ topic: "t", fanout: true })).toThrow(NotSupportedError);
    await expect(transport.client({ topic: "t" }).fanout("m")).rejects.toMatchObject({ capability: "fanout" });
  });
});
