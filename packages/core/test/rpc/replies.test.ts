import { describe, expect, test } from "vitest";
import { MessageTooLargeError, NotSupportedError, SerializationError } from "../../src/errors.js";
import { openWorld } from "../support/rpc-world.js";

const circular: { self?: unknown } = {};
circular.self = circular;

describe("a result that cannot travel rejects the caller with the same error (D3)", () => {
  const results: [string, unknown, string][] = [
    ["a Map", new Map(), "result"],
    ["a nested class's instance", { a: [new URL("x://y")] }, "result.a[0]"],
    ["a function", { f: () => 1 }, "result.f"],
    ["a symbol", Symbol("s"), "result"],
    ["NaN", { n: Number.NaN }, "result.n"],
    ["a cycle", circular, "result.self"],
    ["a lone surrogate", ["\ud800"], "result[0]"],
    [
      "a getter that throws",
      Object.defineProperty({}, "g", {
        enumerable: true,
        get: () => {
          throw new Error("boom");
        },
      }),
      "result.g",
    ],
  ];

  test.each(results)("%s", async (_name, result, path) => {
    const { transport, handlerErrors } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { bad: () => result, late: async () => result, good: () => 1 });
    const client = transport.client({ topic: "t" });
    for (const method of ["bad", "late"]) {
      const error = await client.call(method).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SerializationError);
      expect(error).toMatchObject({ remote: true, path, code: "ERR_SERIALIZATION" });
      expect(String(error)).toContain(`the result of ${method} could not travel`);
    }
    expect(await client.call("good")).toBe(1);
    expect(handlerErrors).toEqual([]);
  });

  test.each([
    ["binary", new Uint8Array(3)],
    ["bigint", 3n],
    ["date", new Date(0)],
  ] as const)("%s where it is not claimed", async (capability, result) => {
    const { transport } = await openWorld({ capabilities: { [capability]: false } });
    await transport.serve({ topic: "t", server: "s" }, { m: () => result, good: () => 1 });
    const client = transport.client({ topic: "t" });
    const error = await client.call("m").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotSupportedError);
    expect(error).toMatchObject({ capability, code: "ERR_NOT_SUPPORTED", remote: true });
    expect(String(error)).toContain("the result of m could not travel");
    expect(await client.call("good")).toBe(1);
  });

  test.each([
    ["binary", new Uint8Array([1, 2])],
    ["bigint", 2n ** 70n],
    ["date", new Date(5)],
  ] as const)("%s arrives where it is claimed", async (_capability, result) => {
    const { transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, { m: () => result });
    expect(await transport.client({ topic: "t" }).call("m")).toEqual(result);
  });
});

test("a reply over maxMessageBytes rejects the caller, and the server lives (D4)", async () => {
  const { transport } = await openWorld({ capabilities: { maxMessageBytes: 1_000 } });
  await transport.serve({ topic: "t", server: "s" }, { big: () => "x".repeat(1_001), fits: () => "x".repeat(900) });
  const client = transport.client({ topic: "t" });
  const error = await client.call("big").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(MessageTooLargeError);
  expect(error).toMatchObject({
    remote: true,
    maxMessageBytes: 1_000,
    code: "ERR_MESSAGE_TOO_LARGE",
    retryable: false,
  });
  expect(await client.call("fits")).toHaveLength(900);
});

test("an error whose details are too large arrives as one that could not travel", async () => {
  const { transport } = await openWorld({ capabilities: { maxMessageBytes: 1_000 } });
  const endpoint = {
    m: () => {
      throw Object.assign(new Error("no"), { data: "x".repeat(2_000) });
    },
  };
  await transport.serve({ topic: "t", server: "s" }, endpoint);
  const call = transport.client({ topic: "t" }).call("m");
  await expect(call).rejects.toMatchObject({ code: "ERR_MESSAGE_TOO_LARGE", remote: true });
});
