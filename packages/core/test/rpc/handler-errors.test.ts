import { describe, expect, test } from "vitest";
import { NoSuchMethodError, RemoteError, ValidationError } from "../../src/errors.js";
import type { Logger } from "../../src/host.js";
import { openWorld } from "../support/rpc-world.js";

class QuotaError extends Error {
  readonly limit: number;
  constructor(limit: number) {
    super(`over the quota of ${limit}`);
    this.name = "QuotaError";
    this.limit = limit;
  }
}

const quota = {
  now: () => {
    throw new QuotaError(3);
  },
  later: async () => {
    throw new QuotaError(3);
  },
  fine: () => "fine",
};

describe("an error thrown by a handler (B5)", () => {
  test.each(["now", "later"])("arrives with its name, message, details and stack (%s)", async (method) => {
    const { transport, handlerErrors } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, quota);
    const client = transport.client({ topic: "t" });
    const error = await client.call(method).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: "ERR_REMOTE", type: "QuotaError", details: { limit: 3 }, retryable: false });
    expect((error as RemoteError).message).toContain("over the quota of 3");
    expect((error as RemoteError).remoteStack).toContain("handler-errors.test");
    expect(handlerErrors).toEqual([{ error: expect.any(QuotaError), method, topic: "t" }]);
    expect(await client.call("fine")).toBe("fine");
  });

  test("keeps its stack at home with exposeStack: false", async () => {
    const { transport } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, quota, { exposeStack: false });
    const error = await transport
      .client({ topic: "t" })
      .call("now")
      .catch((reason: unknown) => reason);
    expect((error as RemoteError).remoteStack).toBeUndefined();
    expect(JSON.stringify(error)).not.toContain("handler-errors.test");
  });

  test("is rebuilt where its class is registered, and only there", async () => {
    const { transport, open } = await openWorld();
    await transport.serve({ topic: "t", server: "s" }, quota);
    const knowing = await open({ errors: [QuotaError] });
    const error = await knowing
      .client({ topic: "t" })
      .call("now")
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(QuotaError);
    expect(error).toMatchObject({ limit: 3, message: "over the quota of 3" });
    await expect(transport.client({ topic: "t" }).call("now")).rejects.toBeInstanceOf(RemoteError);
  });

  test("that is expected is not reported, and arrives all the same", async () => {
    const { transport, handlerErrors } = await openWorld();
    class Subclass extends QuotaError {}
    const endpoint = {
      ...quota,
      sub: () => {
        throw new Subclass(4);
      },
      other: () => {
        throw new RangeError("not expected");
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint, { expectedErrors: [QuotaError] });
    const client = transport.client({ topic: "t" });
    for (const method of ["now", "later", "sub", "other"]) await expect(client.call(method)).rejects.toThrow();
    expect(handlerErrors.map(({ method }) => method)).toEqual(["other"]);
  });

  test("of validation arrives as core's own class", async () => {
    const { transport } = await openWorld();
    const endpoint = {
      m: () => {
        throw new ValidationError("params.id must be a number", { type: "ValidationError", details: { path: "id" } });
      },
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint);
    const call = transport.client({ topic: "t" }).call("m");
    await expect(call).rejects.toBeInstanceOf(ValidationError);
    await expect(call).rejects.toMatchObject({ code: "ERR_VALIDATION" });
  });

  test("of a nested call is the handler's own failure for the caller", async () => {
    const { transport } = await openWorld();
    const inner = transport.client({ topic: "t" });
    await transport.serve({ topic: "t", server: "s" }, { m: () => inner.call("none") });
    const error = await inner.call("m").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).not.toBeInstanceOf(NoSuchMethodError);
    expect(error).toMatchObject({ type: "NoSuchMethodError" });
  });
});

describe("whatever is thrown, the caller is rejected and the server goes on", () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const boom = (): never => {
    throw new Error("boom");
  };
  const oddities: [string, unknown][] = [
    ["a string", "no"],
    ["undefined", undefined],
    ["null", null],
    ["a circular object", circular],
    ["a frozen error", Object.freeze(new Error("frozen"))],
    ["an error with a circular field", Object.assign(new Error("m"), { circular })],
    ["an error with a Map", Object.assign(new Error("m"), { map: new Map() })],
    ["an error whose message throws", Object.defineProperty(new Error("m"), "message", { get: boom })],
    ["a hostile proxy", new Proxy({}, { get: boom, getPrototypeOf: boom, ownKeys: boom })],
  ];

  test.each(oddities)("%s", async (_name, thrown) => {
    const { transport } = await openWorld();
    const endpoint = {
      now: () => {
        throw thrown;
      },
      later: () => Promise.reject(thrown),
      fine: () => "fine",
    };
    await transport.serve({ topic: "t", server: "s" }, endpoint, { expectedErrors: [QuotaError] });
    const client = transport.client({ topic: "t" });
    for (const method of ["now", "later"]) await expect(client.call(method)).rejects.toBeInstanceOf(RemoteError);
    expect(await client.call("fine")).toBe("fine");
  });

  test("a result that throws when it is looked at is such an error too", async () => {
    const { transport } = await openWorld();
    const result = Object.defineProperty({}, "then", { get: boom });
    await transport.serve({ topic: "t", server: "s" }, { m: () => result, fine: () => "fine" });
    const client = transport.client({ topic: "t" });
    await expect(client.call("m")).rejects.toThrow("boom");
    expect(await client.call("fine")).toBe("fine");
  });

  test("a logger that throws, and a listener of handlerError that throws, harm nobody (E5)", async () => {
    const logger: Logger = { debug: boom, info: boom, warn: boom, error: boom };
    const { transport } = await openWorld({ transport: { logger } });
    transport.events.on("handlerError", boom);
    await transport.serve({ topic: "t", server: "s" }, quota);
    const client = transport.client({ topic: "t" });
    for (const method of ["now", "later"]) await expect(client.call(method)).rejects.toThrow("over the quota");
    expect(await client.call("fine")).toBe("fine");
  });
});
