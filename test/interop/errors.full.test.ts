import { NoSuchMethodError, RemoteError } from "@trunkline/core";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { fresh } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests({ allowed: ["interop_errors"] });

/** What a Python handler raises, and what the caller here catches. */
const FROM_PYTHON: readonly (readonly [name: string, raised: object, caught: object])[] = [
  [
    "ValueError",
    { class: "ValueError", args: ["bad"] },
    { type: "ValueError", module: "builtins", details: undefined },
  ],
  ["without arguments", { class: "RuntimeError", args: [] }, { type: "RuntimeError", details: undefined }],
  [
    "KeyError with its key",
    { class: "KeyError", args: ["vm-17"] },
    { type: "KeyError", module: "builtins", details: { args: ["vm-17"], kwargs: {} } },
  ],
  [
    "several arguments",
    { class: "OSError", args: [2, "no such file"] },
    { type: "FileNotFoundError", details: { args: [2, "no such file"], kwargs: {} } },
  ],
  [
    "an application's class with arguments and keywords",
    { module: "interop_errors", class: "QuotaError", args: ["cores", 42], kwargs: { limit: 40 } },
    { type: "QuotaError", module: "interop_errors", details: { args: ["cores", 42], kwargs: { limit: 40 } } },
  ],
  [
    "a class of a module that nobody allows",
    { module: "interop_hidden", class: "PlainError", args: ["hidden"] },
    { type: "PlainError", module: "interop_hidden", details: undefined },
  ],
  ["any Unicode", { class: "ValueError", args: ["žluť 🐎 \u2028 \u0000"] }, { type: "ValueError", details: undefined }],
  [
    "200 000 characters",
    { class: "ValueError", args: ["é".repeat(200_000)] },
    { type: "ValueError", details: undefined },
  ],
];

class QuotaError extends Error {
  override readonly name = "QuotaError";
  declare readonly args?: readonly unknown[];
  declare readonly kwargs?: object;
}

/** An error that says what Python is to make of it. */
function pythonError(name: string, fields: object, message = "over quota"): Error {
  return Object.assign(new Error(message), { name }, fields);
}

/** What a handler of ours throws, and what Python's caller catches: itself, or a RemoteError that tells of it. */
const FROM_OURS: readonly (readonly [name: string, thrown: () => unknown, raised: object])[] = [
  ["RangeError is ValueError", () => new RangeError("bad"), { type: "ValueError", module: "builtins" }],
  ["TypeError", () => new TypeError("bad"), { type: "TypeError", module: "builtins" }],
  ["Error is Exception", () => new Error("bad"), { type: "Exception", module: "builtins" }],
  ["SyntaxError is ValueError", () => new SyntaxError("bad"), { type: "ValueError", module: "builtins" }],
  ["ReferenceError is NameError", () => new ReferenceError("bad"), { type: "NameError", module: "builtins" }],
  ["AggregateError is RuntimeError", () => new AggregateError([], "bad"), { type: "RuntimeError", module: "builtins" }],
  [
    "a name that Python has: KeyError, with its key",
    () => pythonError("KeyError", { args: ["vm-17"] }),
    { type: "KeyError", module: "builtins" },
  ],
  [
    "an application's class",
    () => new QuotaError("over quota"),
    { type: "RemoteError", exc_type: "QuotaError", value: "over quota" },
  ],
  [
    "one with module, args and kwargs of an allowed module is rebuilt",
    () => pythonError("QuotaError", { module: "interop_errors", args: ["cores", 42], kwargs: { limit: 40 } }),
    {
      type: "QuotaError_Remote",
      module: "interop_errors_Remote",
      args: ["cores", 42],
      kwargs: { limit: 40 },
      bases: expect.arrayContaining(["QuotaError", "Exception"]),
    },
  ],
  [
    "one with a module that Python does not allow",
    () => pythonError("PlainError", { module: "interop_hidden", args: ["x"] }),
    { type: "RemoteError", exc_type: "PlainError", value: "over quota" },
  ],
  ["a string", () => "bad", { type: "RemoteError", exc_type: "string", value: "bad" }],
  ["any Unicode", () => new RangeError("žluť 🐎 \u2028 \u0000"), { type: "ValueError" }],
  ["200 000 characters", () => new RangeError("é".repeat(200_000)), { type: "ValueError" }],
];

interop("errors between the two", { timeout: 60_000 }, () => {
  test.each(FROM_PYTHON)("a Python handler's: %s", async (_name, error, caught) => {
    const topic = fresh("errors");
    await sides.python.serve({ topic, server: "s" });
    const reason: unknown = await sides.ours
      .client({ topic })
      .call("fail", { error })
      .catch((one: unknown) => one);
    expect(reason).toBeInstanceOf(RemoteError);
    expect(reason).toMatchObject({ code: "ERR_REMOTE", ...caught });
    const [first] = Reflect.get(error, "args") as unknown[];
    if (typeof first === "string") expect(Reflect.get(reason as Error, "message")).toContain(first);
    expect(reason).toHaveProperty("remoteStack", expect.stringContaining("raise kind("));
  });

  test("a Python handler's is an instance of the nearest class that our application registered", async () => {
    const topic = fresh("errors");
    await sides.python.serve({ topic, server: "s" });
    const transport = await sides.open({}, { errors: [RangeError, QuotaError] });
    const client = transport.client({ topic });
    const value = await client
      .call("fail", { error: { class: "ValueError", args: ["bad"] } })
      .catch((one: unknown) => one);
    expect(value).toBeInstanceOf(RangeError);
    expect(value).toMatchObject({ name: "ValueError", message: "bad" });
    expect(value).toHaveProperty("remoteStack", expect.stringContaining("peer.py"));
    const error = { module: "interop_errors", class: "QuotaError", args: ["cores", 42], kwargs: { limit: 40 } };
    const quota = await client.call("fail", { error }).catch((one: unknown) => one);
    expect(quota).toBeInstanceOf(QuotaError);
    expect(quota).toMatchObject({
      args: ["cores", 42],
      kwargs: { limit: 40 },
      message: "over quota: cores, 42, limit=40",
    });
  });

  test("params that a Python method does not take are its TypeError", async () => {
    const topic = fresh("errors");
    await sides.python.serve({ topic, server: "s" });
    const client = sides.ours.client({ topic });
    await expect(client.call("pair", { first: 1 })).rejects.toMatchObject({
      type: "TypeError",
      message: expect.stringContaining("missing 1 required positional argument: 'second'"),
    });
    await expect(client.call("pair", { first: 1, second: 2, third: 3 })).rejects.toMatchObject({
      type: "TypeError",
      message: expect.stringContaining("unexpected keyword argument 'third'"),
    });
    expect(await client.call("pair", { first: 1, second: 2 })).toEqual([1, 2]);
  });

  test("Python's expected exceptions are errors like others to our caller", async () => {
    const topic = fresh("errors");
    await sides.python.serve({ topic, server: "s" });
    const call = sides.ours
      .client({ topic })
      .call("fail_expectedly", { error: { class: "ValueError", args: ["bad"] } });
    await expect(call).rejects.toMatchObject({ code: "ERR_REMOTE", type: "ValueError" });
  });

  test.each(FROM_OURS)("a handler's of ours: %s", async (_name, thrown, raised) => {
    const topic = fresh("errors");
    const what = thrown();
    await sides.serve(
      { topic, server: "s" },
      {
        fail() {
          throw what;
        },
      },
    );
    const caught = await sides.python.raises(sides.python.call({ topic }, "fail"));
    expect(caught).toMatchObject(raised);
    if (what instanceof Error) {
      expect(caught.text).toContain(what.message);
      // Python's RemoteError shows the lines as a list.
      expect(caught.text).toContain("errors.full.test.ts");
    }
  });

  test("our stack stays at home where the server says so", async () => {
    const topic = fresh("errors");
    const endpoint = {
      fail() {
        throw new RangeError("bad");
      },
    };
    await sides.serve({ topic, server: "s" }, endpoint, { exposeStack: false });
    const caught = await sides.python.raises(sides.python.call({ topic }, "fail"));
    expect(caught).toMatchObject({ type: "ValueError", text: "bad\n" });
  });

  test("our expected errors reach Python, and are not reported as failures", async () => {
    const topic = fresh("errors");
    const endpoint = {
      fail({ expected }: { expected: boolean }) {
        throw expected ? new RangeError("bad") : new TypeError("worse");
      },
    };
    const transport = await sides.open();
    const reports: unknown[] = [];
    transport.events.on("handlerError", ({ error }) => reports.push(error));
    const server = await transport.serve({ topic, server: "s" }, endpoint, { expectedErrors: [RangeError] });
    const call = (expected: boolean): Promise<unknown> =>
      sides.python.raises(sides.python.call({ topic }, "fail", { expected }));
    expect(await call(true)).toMatchObject({ type: "ValueError" });
    expect(await call(false)).toMatchObject({ type: "TypeError" });
    expect(reports).toMatchObject([{ message: "worse" }]);
    await server.stop();
  });

  test("Python's error that our handler passes on is the same to a Python caller", async () => {
    const [near, far] = [fresh("errors"), fresh("errors")];
    await sides.python.serve({ topic: far, server: "s" });
    const next = sides.ours.client({ topic: far });
    await sides.serve({ topic: near, server: "s" }, { fail: (params: object) => next.call("fail", params) });
    const raised = (error: object): Promise<unknown> =>
      sides.python.raises(sides.python.call({ topic: near }, "fail", { error }));
    expect(await raised({ class: "ValueError", args: ["bad"] })).toMatchObject({
      type: "ValueError",
      module: "builtins",
    });
    const quota = { module: "interop_errors", class: "QuotaError", args: ["cores", 42], kwargs: { limit: 40 } };
    expect(await raised(quota)).toMatchObject({
      type: "QuotaError_Remote",
      args: ["cores", 42],
      kwargs: { limit: 40 },
    });
  });

  test("our error that a Python handler passes on keeps its class to our caller", async () => {
    const [near, far] = [fresh("errors"), fresh("errors")];
    await sides.python.serve({ topic: near, server: "s" });
    const quota = { module: "interop_errors", args: ["cores", 42], kwargs: { limit: 40 } };
    const endpoint = {
      range() {
        throw new RangeError("bad");
      },
      quota() {
        throw pythonError("QuotaError", quota);
      },
    };
    await sides.serve({ topic: far, server: "s" }, endpoint);
    const through = (method: string): Promise<unknown> => {
      const params = { transport: sides.python.transport, target: { topic: far }, method, args: {} };
      return sides.ours.client({ topic: near }).call("ask_on", params);
    };
    await expect(through("range")).rejects.toMatchObject({ type: "ValueError", module: "builtins" });
    await expect(through("quota")).rejects.toMatchObject({
      type: "QuotaError",
      module: "interop_errors",
      details: { args: ["cores", 42], kwargs: { limit: 40 } },
    });
  });

  test("refusals arrive as oslo.messaging's own classes where Python allows their module", async () => {
    const topic = fresh("errors");
    await sides.serve({ topic, server: "s" }, new RecordingEndpoint("ours", { version: "1.3" }));
    const python = await sides.openPython({ allowed: ["oslo_messaging.rpc.dispatcher"] });
    const raised = (target: object, method: string): Promise<unknown> =>
      python.raises(python.call({ topic, ...target }, method));
    expect(await raised({}, "nothing")).toMatchObject({
      type: "NoSuchMethod_Remote",
      bases: expect.arrayContaining(["NoSuchMethod", "RPCDispatcherError", "AttributeError"]),
    });
    expect(await raised({ version: "2.0" }, "echo")).toMatchObject({
      type: "UnsupportedVersion_Remote",
      bases: expect.arrayContaining(["UnsupportedVersion", "RPCDispatcherError"]),
    });
  });

  test("a server of either goes on after each kind of error", async () => {
    const topic = fresh("errors");
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, new RecordingEndpoint());
    const client = sides.ours.client({ topic, server: "theirs" });
    for (let time = 0; time < 3; time++) {
      await expect(client.call("fail", { error: { class: "ValueError" } })).rejects.toBeInstanceOf(RemoteError);
      await expect(client.call("nothing")).rejects.toBeInstanceOf(NoSuchMethodError);
      await sides.python.raises(sides.python.call({ topic, server: "ours" }, "nothing"));
    }
    expect(await client.call("echo", { value: 1 })).toBe(1);
    expect(await sides.python.call({ topic, server: "ours" }, "echo", { value: 1 })).toBe(1);
  });
});
