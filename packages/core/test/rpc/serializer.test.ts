import { describe, expect, test } from "vitest";
import { InvalidArgumentError, SerializationError } from "../../src/errors.js";
import type { ServerCall } from "../../src/rpc/server-call.js";
import type { Serializer } from "../../src/serializer.js";
import { deferred } from "../../src/testing/deferred.js";
import type { JsonObject, Value } from "../../src/value.js";
import { openWorld } from "../support/rpc-world.js";

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}

/** Money travels as `{ cents }`, and the context under one key. */
const money: Serializer = {
  serializeValue: (value) => JSON.parse(JSON.stringify(value)) as Value,
  deserializeValue: (value) => revive(value),
  serializeContext: (context) => ({ wrapped: context }),
  deserializeContext: (context) => context["wrapped"] as JsonObject,
};

function revive(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("cents" in value) return new Money(Number(value.cents));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
}

describe("a serializer", () => {
  test("stands between values and what travels, both ways, context included", async () => {
    const { transport, bus } = await openWorld({ transport: { serializer: money } });
    const seen: unknown[] = [];
    const endpoint = {
      double: ({ price }: { price: Money }, call: ServerCall) => {
        seen.push(price, call.context);
        return new Money(price.cents * 2);
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const client = transport.client({ topic: "t" }, { context: { user: "u" } });
    const result = await client.call("double", { price: new Money(4) });
    expect(result).toBeInstanceOf(Money);
    expect(result).toEqual(new Money(8));
    expect(seen).toEqual([new Money(4), { user: "u" }]);
    expect(bus.sent[0]?.message).toMatchObject({
      params: { price: { cents: 4 } },
      context: { wrapped: { user: "u" } },
    });
  });

  test("gets the application's context with every value, never the travelling one", async () => {
    const { transport } = await openWorld();
    const contexts: [string, JsonObject][] = [];
    const watching = (who: string): Serializer => ({
      serializeValue: (value, context) => {
        contexts.push([`${who} serializes`, context]);
        return value as Value;
      },
      deserializeValue: (value, context) => {
        contexts.push([`${who} deserializes`, context]);
        return value;
      },
      serializeContext: money.serializeContext,
      deserializeContext: money.deserializeContext,
    });
    await transport.serve({ topic: "t", server: "s" }, { m: () => 1 }, { serializer: watching("server") });
    await transport.client({ topic: "t" }, { serializer: watching("client"), context: { a: 1 } }).call("m");
    expect(contexts).toEqual([
      ["client serializes", { a: 1 }],
      ["server deserializes", { a: 1 }],
      ["server serializes", { a: 1 }],
      ["client deserializes", { a: 1 }],
    ]);
  });

  const broken = (method: keyof Serializer): Serializer => ({
    ...money,
    [method]: () => {
      throw new Error(`${method} is broken`);
    },
  });

  test.each(["serializeValue", "serializeContext"] as const)(
    "whose %s throws refuses at the sender",
    async (method) => {
      const { transport, bus } = await openWorld();
      const client = transport.client({ topic: "t" }, { serializer: broken(method) });
      for (const attempt of [client.call("m"), client.cast("m")]) {
        await expect(attempt).rejects.toMatchObject({ code: "ERR_SERIALIZATION", remote: false });
        await expect(attempt).rejects.toThrow(`${method} is broken`);
      }
      expect(bus.sent).toEqual([]);
    },
  );

  test.each(["deserializeValue", "deserializeContext", "serializeValue"] as const)(
    "whose %s throws at the server rejects the caller, and the server lives (D3)",
    async (method) => {
      const { transport } = await openWorld();
      await transport.serve({ topic: "bad", server: "s" }, { m: () => 1 }, { serializer: broken(method) });
      const client = transport.client({ topic: "bad" }, { serializer: money });
      for (let times = 0; times < 2; times += 1) {
        const error = await client.call("m").catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(SerializationError);
        expect(error).toMatchObject({ remote: true });
        expect(String(error)).toContain(`${method} is broken`);
      }
    },
  );

  test("whose failure costs a cast is told where the cast arrived", async () => {
    const { transport, dropped } = await openWorld();
    const sentinel = deferred();
    const picky: Serializer = {
      ...money,
      deserializeValue: (value) => {
        if (JSON.stringify(value).includes("bad")) throw new Error("bad value");
        return value;
      },
    };
    await transport.serve({ topic: "t", server: "s" }, { m: () => sentinel.resolve() }, { serializer: picky });
    const client = transport.client({ topic: "t" }, { serializer: money });
    await client.cast("m", { bad: true });
    await client.cast("m", { good: true });
    await sentinel.promise;
    expect(dropped).toEqual(["the params of m could not be deserialized: bad value"]);
  });

  test("whose deserializeValue throws at the caller says that the handler ran", async () => {
    const { transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { m: () => 1 });
    const client = transport.client(
      { topic: "t" },
      { serializer: { ...broken("deserializeValue"), serializeContext: (c) => c } },
    );
    const error = await client.call("m").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SerializationError);
    expect(error).toMatchObject({ remote: true, cause: { message: "deserializeValue is broken" } });
  });

  test("that lacks a method is refused where it is given", async () => {
    const { transport } = await openWorld();
    const partial = { serializeValue: money.serializeValue } as Serializer;
    expect(() => transport.client({ topic: "t" }, { serializer: partial })).toThrow(InvalidArgumentError);
    expect(() => transport.client({ topic: "t" }, { serializer: partial })).toThrow(/missing: deserializeValue/);
    const serving = transport.serve({ topic: "t", server: "s" }, { m: () => 1 }, { serializer: partial });
    await expect(serving).rejects.toThrow(/missing: deserializeValue/);
  });
});
