import { describe, expect, test } from "vitest";
import { NoSuchMethodError, RemoteError, SerializationError } from "../../src/errors.js";
import { decodeValue } from "../../src/kit/value-reader.js";
import { encodeValue } from "../../src/kit/value-writer.js";
import { coreFailure, ErrorRegistry, toFailure } from "../../src/rpc/remote-error.js";
import type { Failure } from "../../src/seam.js";

class QuotaError extends Error {
  readonly limit: number;
  constructor(limit: number) {
    super(`over the quota of ${limit}`);
    this.limit = limit;
  }
}

/** As it arrives: through bytes. */
function travel(failure: Failure): Failure {
  return decodeValue(encodeValue(failure as never)) as unknown as Failure;
}

describe("an error travels (B5)", () => {
  test("with its type, message, fields and stack", () => {
    const error = new ErrorRegistry([]).rebuild(travel(toFailure(new QuotaError(3), true)), "boot");
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ type: "QuotaError", details: { limit: 3 }, code: "ERR_REMOTE", retryable: false });
    expect(error.message).toContain("over the quota of 3");
    expect((error as RemoteError).remoteStack).toContain("remote-error.test");
  });

  test("without its stack where that is hidden", () => {
    expect(toFailure(new QuotaError(3), false).stack).toBeUndefined();
  });

  test("and is rebuilt where its class is registered, without its constructor being run", () => {
    const error = new ErrorRegistry([QuotaError]).rebuild(travel(toFailure(new QuotaError(3), true)), "boot");
    expect(error).toBeInstanceOf(QuotaError);
    expect(error).toMatchObject({ message: "over the quota of 3", limit: 3, name: "QuotaError" });
  });

  test("from another language it becomes the registered class that is nearest, under its own name", () => {
    const failure: Failure = { type: "ValueError", module: "builtins", nearest: "RangeError", message: "too big" };
    const error = new ErrorRegistry([RangeError]).rebuild(travel({ ...failure, details: { limit: 3 } }), "boot");
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ name: "ValueError", message: "too big", limit: 3 });
    expect(new ErrorRegistry([TypeError]).rebuild(failure, "boot")).toMatchObject({
      name: "RemoteError",
      type: "ValueError",
      module: "builtins",
    });
  });

  test("a class of its very name goes before the nearest one; core's own go before both", () => {
    class ValueError extends Error {}
    const registry = new ErrorRegistry([RangeError, ValueError]);
    const error = registry.rebuild({ type: "ValueError", nearest: "RangeError", message: "m" }, "boot");
    expect(error).toBeInstanceOf(ValueError);
    const own = registry.rebuild({ ...coreFailure("NoSuchMethodError", "no"), nearest: "RangeError" }, "boot");
    expect(own).toBeInstanceOf(NoSuchMethodError);
  });

  test("core's own failures become core's own classes", () => {
    const registry = new ErrorRegistry([]);
    expect(registry.rebuild(coreFailure("NoSuchMethodError", "no"), "m")).toBeInstanceOf(NoSuchMethodError);
    const refused = registry.rebuild(coreFailure("SerializationError", "no", { path: "result.a" }), "m");
    expect(refused).toBeInstanceOf(SerializationError);
    expect(refused).toMatchObject({ remote: true, path: "result.a" });
  });

  test("a name from the wire constructs nothing that was not registered (F2)", () => {
    for (const type of ["Array", "Function", "__proto__", "constructor", "ClosedError"]) {
      for (const named of [{ type }, { type: "Elsewhere", nearest: type }]) {
        const error = new ErrorRegistry([QuotaError]).rebuild({ ...named, module: "elsewhere", message: "m" }, "m");
        expect(Object.getPrototypeOf(error)).toBe(RemoteError.prototype);
      }
    }
  });

  test("fields from the wire do not overwrite the error's own, nor pollute", () => {
    const details = JSON.parse('{"name":"x","stack":"y","__proto__":{"polluted":1},"limit":4}') as never;
    const error = new ErrorRegistry([QuotaError]).rebuild({ type: "QuotaError", message: "m", details }, "m");
    expect(error.name).toBe("QuotaError");
    expect(error).toBeInstanceOf(QuotaError);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("whatever a handler throws, the caller hears of it", () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const oddities: [string, unknown][] = [
    ["a string", "no"],
    ["undefined", undefined],
    ["null", null],
    ["a number", 3],
    ["a symbol", Symbol("s")],
    ["a circular object", circular],
    ["a frozen error", Object.freeze(new Error("frozen"))],
    ["an error with a circular field", Object.assign(new Error("m"), { circular })],
    ["an error whose message throws", Object.defineProperty(new Error("m"), "message", { get: () => boom() })],
    [
      "an error whose field throws",
      Object.defineProperty(new Error("m"), "f", { enumerable: true, get: () => boom() }),
    ],
    ["a lone surrogate", new Error("\ud800")],
    [
      "a hostile proxy",
      new Proxy(
        {},
        {
          get: () => boom(),
          getPrototypeOf: () => boom(),
          ownKeys: () => boom(),
        },
      ),
    ],
  ];

  test.each(oddities)("%s", (_name, thrown) => {
    const failure = travel(toFailure(thrown, true));
    expect(typeof failure.type).toBe("string");
    expect(new ErrorRegistry([]).rebuild(failure, "m")).toBeInstanceOf(RemoteError);
  });

  function boom(): never {
    throw new Error("boom");
  }
});
