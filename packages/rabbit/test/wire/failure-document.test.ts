import { CORE_MODULE, type Failure } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readFailure, writeFailure, writeLost } from "../../src/wire/failure-document.js";
import { anyJsonValue, anyText, nested } from "./values.js";

const MESSAGE = "kaput";

/** As Python reads it. */
function written(failure: Partial<Failure>): Record<string, unknown> {
  return JSON.parse(writeFailure({ type: "Error", message: MESSAGE, ...failure }));
}

/** Of a document, as our reader reads it. */
function read(document: unknown): Failure {
  const text = readFailure(JSON.stringify(document));
  // An object in place of its text says the same.
  expect(readFailure(document)).toEqual(text);
  expect(text).not.toHaveProperty("lost");
  return text.failure;
}

describe("a failure as Python gets it", () => {
  test("its members, in oslo's order, and ours behind them", () => {
    const document = written({ stack: "Error: kaput\n    at f (x.js:1)", details: { limit: 3 } });
    expect(Object.entries(document)).toEqual([
      ["class", "Exception"],
      ["module", "builtins"],
      ["message", MESSAGE],
      ["tb", ["Error: kaput\n", "    at f (x.js:1)\n"]],
      ["args", [MESSAGE]],
      ["kwargs", {}],
      ["trunkline", { type: "Error", details: { limit: 3 } }],
    ]);
    expect(written({})["tb"]).toEqual([]);
  });

  test.each([
    ["Error", "Exception"],
    ["RangeError", "ValueError"],
    ["TypeError", "TypeError"],
    ["SyntaxError", "ValueError"],
    ["URIError", "ValueError"],
    ["InvalidArgumentError", "ValueError"],
    ["ReferenceError", "NameError"],
    ["EvalError", "RuntimeError"],
    ["AggregateError", "RuntimeError"],
    ["KeyError", "KeyError"],
    ["ValueError", "ValueError"],
    ["LookupError", "LookupError"],
    ["PermissionError", "PermissionError"],
    ["TimeoutError", "TimeoutError"],
    ["NotImplementedError", "NotImplementedError"],
    ["AssertionError", "AssertionError"],
    ["Exception", "Exception"],
  ])("%s is Python's own %s", (type, name) => {
    expect(written({ type })).toMatchObject({ class: name, module: "builtins", args: [MESSAGE], kwargs: {} });
  });

  test.each([
    "StopIteration",
    "SystemExit",
    "KeyboardInterrupt",
    "UnicodeDecodeError",
    "ExceptionGroup",
    "UserWarning",
  ])("%s is not: it ends more than a call, or needs more than a message", (type) => {
    expect(written({ type })).toMatchObject({ class: type, module: "trunkline", args: [MESSAGE] });
  });

  test("an application's class comes from where it says, with what it says", () => {
    const details = { module: "nova.exception", args: ["i-1", 2], kwargs: { instance_id: "i-1" }, more: true };
    expect(written({ type: "InstanceNotFound", details })).toMatchObject({
      class: "InstanceNotFound",
      module: "nova.exception",
      args: ["i-1", 2],
      kwargs: { instance_id: "i-1" },
    });
    // It says so even of a name that Python has too.
    expect(written({ type: "RangeError", details })).toMatchObject({ class: "RangeError", module: "nova.exception" });
  });

  test("and from nowhere in particular where it says nothing that makes sense", () => {
    for (const details of [undefined, {}, { module: 1, args: "x", kwargs: [1] }, [1], "text", null]) {
      const failure = { type: "QuotaError", ...(details === undefined ? {} : { details }) };
      expect(written(failure)).toMatchObject({ class: "QuotaError", module: "trunkline", args: [MESSAGE], kwargs: {} });
    }
  });

  test("a name of Python's own takes its args, and no keywords", () => {
    const details = { args: ["disk"], kwargs: { a: 1 } };
    expect(written({ type: "KeyError", details })).toMatchObject({ class: "KeyError", args: ["disk"], kwargs: {} });
    // JavaScript's classes take a message only.
    expect(written({ type: "RangeError", details })).toMatchObject({
      class: "ValueError",
      args: [MESSAGE],
      kwargs: {},
    });
  });

  test.each([
    ["NoSuchMethodError", "NoSuchMethod", "oslo_messaging.rpc.dispatcher"],
    ["UnsupportedVersionError", "UnsupportedVersion", "oslo_messaging.rpc.dispatcher"],
    ["ValidationError", "ValidationError", CORE_MODULE],
    ["SerializationError", "SerializationError", CORE_MODULE],
    ["NotSupportedError", "NotSupportedError", CORE_MODULE],
  ])("core's %s is %s of %s", (type, name, module) => {
    const details = { method: "m", module: "not.this", args: [1], kwargs: { a: 1 } };
    const document = written({ type, module: CORE_MODULE, details });
    expect(document).toMatchObject({ class: name, module, args: [MESSAGE], kwargs: {} });
    // An application's class of that name is no refusal.
    expect(written({ type })).toMatchObject({ class: type, module: "trunkline" });
  });

  test("what a handler passed on keeps the name it had where it was thrown", () => {
    const passedOn = (fields: object): Record<string, unknown> => {
      const details = { code: "ERR_REMOTE", retryable: false, ...fields };
      return written({ type: "RemoteError", details: details as never });
    };
    const python = { type: "NotFound", module: "nova.exception", details: { args: ["i"], kwargs: { id: "i" } } };
    const asThrown = { class: "NotFound", module: "nova.exception", args: ["i"], kwargs: { id: "i" } };
    expect(passedOn(python)).toMatchObject(asThrown);
    const twice = { type: "RemoteError", details: { code: "ERR_REMOTE", ...python } };
    expect(passedOn(twice)).toMatchObject(asThrown);
    expect(passedOn({ type: "RangeError" })).toMatchObject({ class: "ValueError", module: "builtins" });
    expect(passedOn({ type: "NotFound", details: { module: "x" } })).toMatchObject({ class: "NotFound", module: "x" });
    // An application's own class of that name.
    expect(written({ type: "RemoteError", details: { type: "NotFound" } })).toMatchObject({ class: "RemoteError" });
  });
});

describe("between our own services", () => {
  test("nothing of a failure is lost", () => {
    const name = fc.option(fc.oneof(anyText(), fc.constantFrom("RangeError", "KeyError", "X_Remote", CORE_MODULE)), {
      nil: undefined,
    });
    const stack = fc.option(fc.oneof(anyText(), fc.constantFrom("\n", "", "a\n\nb\n", "a\r\nb")), { nil: undefined });
    const type = fc.oneof(anyText(), fc.constantFrom("Error", "RemoteError")).filter((text) => text !== "");
    fc.assert(
      fc.property(
        type,
        name,
        name,
        anyText(),
        stack,
        fc.option(anyJsonValue()),
        (of, nearest, module, message, lines, details) => {
          const failure = {
            type: of,
            ...(nearest === undefined ? {} : { nearest }),
            ...(module === undefined ? {} : { module }),
            message,
            ...(lines === undefined ? {} : { stack: lines }),
            ...(details === null ? {} : { details: details as never }),
          };
          expect(readFailure(writeFailure(failure))).toEqual({ failure });
        },
      ),
      { numRuns: 300 },
    );
  });

  test("details nest as deep as D2 allows", () => {
    const failure = { type: "E", message: "m", details: { a: nested(999) } as never };
    expect(readFailure(writeFailure(failure))).toEqual({ failure });
  });

  test("details that JSON cannot hold stay at home, and only they", () => {
    const details = { a: 1, date: new Date(0), bytes: new Uint8Array(2), big: 1n, deep: { big: 1n }, text: "x" };
    expect(readFailure(writeFailure({ type: "E", message: "m", details }))).toEqual({
      failure: { type: "E", message: "m", details: { a: 1, text: "x" } },
    });
    for (const none of [1n, new Date(0), new Uint8Array(3), [1n], { big: 1n }]) {
      expect(readFailure(writeFailure({ type: "E", message: "m", details: none }))).toEqual({
        failure: { type: "E", message: "m" },
      });
    }
  });

  test("a getter that has nothing to say the second time costs the details only", () => {
    for (const good of [1, 2, 3]) {
      let reads = 0;
      const details = Object.defineProperty({}, "a", {
        enumerable: true,
        get: () => {
          if (++reads > good) throw new TypeError("gone");
          return 1;
        },
      });
      const { failure } = readFailure(writeFailure({ type: "E", message: "m", details }));
      expect(failure).toMatchObject({ type: "E", message: "m" });
    }
  });
});

describe("a failure of a Python server", () => {
  const document = {
    class: "InstanceNotFound",
    module: "nova.exception",
    message: "Instance i-1 not found",
    tb: ["Traceback (most recent call last):\n", '  File "api.py", line 1, in get\n    raise\n', "nova: no\n"],
    args: ["i-1", 42],
    kwargs: { id: "i-1" },
  };

  test("of its own class", () => {
    expect(read(document)).toEqual({
      type: "InstanceNotFound",
      module: "nova.exception",
      message: "Instance i-1 not found",
      stack: 'Traceback (most recent call last):\n  File "api.py", line 1, in get\n    raise\nnova: no',
      details: { args: ["i-1", 42], kwargs: { id: "i-1" } },
    });
  });

  test("that was raised again", () => {
    const again = { ...document, class: "InstanceNotFound_Remote", module: "nova.exception_Remote" };
    expect(read(again)).toEqual(read(document));
    for (const part of [{ class: again.class }, { module: again.module }]) {
      expect(read({ ...document, ...part })).toMatchObject({ type: part.class ?? document.class });
    }
  });

  test.each([
    ["ValueError", "RangeError"],
    ["UnicodeDecodeError", "RangeError"],
    ["TypeError", "TypeError"],
    ["KeyError", "RangeError"],
    ["IndexError", "RangeError"],
    ["LookupError", "RangeError"],
    ["ZeroDivisionError", "Error"],
    ["Exception", "Error"],
    ["constructor", "Error"],
  ])("of Python's own %s, to which %s is nearest", (name, nearest) => {
    for (const module of ["builtins", "exceptions"]) {
      expect(read({ ...document, class: name, module })).toMatchObject({ type: name, module: "builtins", nearest });
    }
    expect(read({ ...document, class: name })).not.toHaveProperty("nearest");
  });

  test.each([
    ["NoSuchMethod", "NoSuchMethodError", "Endpoint does not support RPC method reboot"],
    [
      "UnsupportedVersion",
      "UnsupportedVersionError",
      "Endpoint does not support RPC version 3.1. Attempted method: reboot",
    ],
  ])("of its dispatcher: %s is core's %s", (name, type, message) => {
    const module = "oslo_messaging.rpc.dispatcher";
    const refusal = { class: name, module, message, tb: [], args: [message], kwargs: {} };
    expect(read(refusal)).toEqual({ type, module: CORE_MODULE, message });
    expect(read({ ...refusal, module: "mine" })).toMatchObject({ type: name, module: "mine" });
    expect(read({ ...refusal, class: "ExpectedException" })).toMatchObject({ type: "ExpectedException", module });
  });

  test.each([
    [[], {}, undefined],
    [["m"], {}, undefined],
    [["'m'"], {}, { args: ["'m'"], kwargs: {} }],
    [["m", 1], {}, { args: ["m", 1], kwargs: {} }],
    [[], { a: 1 }, { args: [], kwargs: { a: 1 } }],
    [["m"], { a: 1 }, { args: ["m"], kwargs: { a: 1 } }],
    [undefined, undefined, undefined],
    ["m", [1], undefined],
  ])("args %j and kwargs %j are details %j", (args, kwargs, details) => {
    expect(read({ class: "E", module: "m", message: "m", args, kwargs }).details).toEqual(details);
  });

  test("as Python writes it: numbers and surrogates that JSON does not have", () => {
    const text = String.raw`{"class": "FileNotFoundError", "module": "builtins", "message": "no '\udc80x'", "tb": ["\udc80"], "args": [2, NaN, 18446744073709551616], "kwargs": {}}`;
    expect(readFailure(text).failure).toEqual({
      type: "FileNotFoundError",
      module: "builtins",
      nearest: "Error",
      message: "no '\ufffdx'",
      stack: "\ufffd",
      details: { args: [2, Number.NaN, 2n ** 64n], kwargs: {} },
    });
  });
});

describe("what is no good document still tells the caller something", () => {
  test("the least that oslo takes", () => {
    expect(read({ class: "E", module: "m" })).toEqual({ type: "E", module: "m", message: "" });
    expect(read({ message: "m" })).toEqual({ type: "Error", message: "m" });
    expect(read({})).toEqual({ type: "Error", message: "" });
  });

  test.each(["", "no JSON", "{", "[]", "1", "null", '"text"', "[".repeat(5000)])("%j", (text) => {
    const { failure } = readFailure(text);
    expect(failure.type).toBe("Error");
    expect(failure.message).toContain("cannot be read");
    expect(failure.message.length).toBeLessThan(300);
  });

  test.each([undefined, null, 1, true, [], ["x"]])("%j", (value) => {
    expect(readFailure(value).failure.message).toContain("cannot be read");
  });

  test("members of the wrong kind are left out", () => {
    const wrong = { class: 1, module: {}, message: [], tb: "x", args: {}, kwargs: 1, trunkline: "x" };
    expect(read(wrong)).toEqual({ type: "Error", message: "" });
    const own = { type: "", module: 1, nearest: {}, lost: true };
    expect(read({ class: "E", module: "m", tb: [1, "a", null], trunkline: own })).toEqual({
      type: "E",
      module: "m",
      message: "",
      stack: "a",
    });
    expect(read({ trunkline: { type: "T", module: 1, nearest: {}, details: null } })).toEqual({
      type: "T",
      message: "",
      details: null,
    });
  });

  test("whatever a peer sends, nothing is thrown", () => {
    const member = fc.constantFrom("class", "module", "message", "tb", "args", "kwargs", "trunkline");
    const own = fc.dictionary(fc.constantFrom("type", "module", "nearest", "details", "lost"), fc.anything());
    const document = fc.dictionary(member, fc.oneof(fc.anything(), own));
    fc.assert(
      fc.property(fc.oneof(document, fc.anything(), fc.string(), fc.json()), (value) => {
        const { failure } = readFailure(value);
        expect(failure.type).not.toBe("");
        expect(failure.message).toEqual(expect.any(String));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a loss", () => {
  test.each([true, false])("whose request may have run: %s", (mayHaveRun) => {
    const text = writeLost("the server stopped", mayHaveRun);
    expect(JSON.parse(text)).toMatchObject({
      class: "ConnectionLostError",
      module: CORE_MODULE,
      message: "the server stopped",
      args: ["the server stopped"],
      tb: [],
    });
    const failure = { type: "ConnectionLostError", module: CORE_MODULE, message: "the server stopped" };
    expect(readFailure(text)).toEqual({ failure, lost: { mayHaveRun } });
  });

  test.each([{}, { mayHaveRun: null }, { mayHaveRun: 0 }, { mayHaveRun: "false" }])(
    "in doubt it may have: %j",
    (lost) => {
      expect(readFailure({ class: "E", module: "m", trunkline: { lost } }).lost).toEqual({ mayHaveRun: true });
    },
  );
});
