import {
  MalformedError,
  MessageTooLargeError,
  NotSupportedError,
  type Request,
  SerializationError,
} from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unwrap } from "../../src/wire/envelope.js";
import { encodeRequest, type RequestFields, readRequest } from "../../src/wire/request-body.js";
import { CALL, CAST, DIRECTED_CALL, DIRECTED_CAST, FANOUT, MONITORED_CALL, PROPERTIES } from "./samples.js";
import { anyJsonObject, nested } from "./values.js";

const MAX = 1 << 24;
const LIMITS = { maxMessageBytes: MAX, driver: "rabbit" };
const CAST_FIELDS = { uniqueId: "u1" };
const CALL_FIELDS = { uniqueId: "u1", msgId: "m1", replyQueue: "reply_1" };

function requestOf(part: Partial<Request>): Request {
  return { kind: "request", id: "i", method: "m", params: {}, context: {}, headers: {}, ...part };
}

const open = (body: Buffer | string): Record<string, unknown> => unwrap(Buffer.from(body), PROPERTIES, MAX);
const readBody = (body: Buffer | string) => readRequest(open(body));

describe("what oslo sends", () => {
  const context = { user_id: "u1", project_id: "p1", request_id: "req-1", custom: { k: [1, 2] } };

  test("a call", () => {
    expect(readBody(CALL)).toEqual({
      method: "add",
      params: { a: 2, b: 40 },
      version: "1.0",
      context,
      uniqueId: "b81d92fd2d7343859c99b1a31cf891a8",
      msgId: "0776be0ae5584fe78c907dc9be27bedf",
      replyQueue: "reply_032adb931e6c4791a33869e70305fe59",
    });
  });

  test("a call to one server, in a namespace", () => {
    expect(readBody(DIRECTED_CALL)).toMatchObject({ method: "whoami", params: {}, namespace: "admin", version: "1.2" });
  });

  test("a monitored call", () => {
    expect(readBody(MONITORED_CALL)).toMatchObject({ method: "slow", params: { seconds: 4 }, monitorMs: 2000 });
  });

  test.each([
    [CAST, "cast", 1],
    [DIRECTED_CAST, "server-cast", 3],
    [FANOUT, "fanout", 2],
  ])("a cast", (body, via, n) => {
    const { uniqueId, ...request } = readBody(body);
    expect(uniqueId).toMatch(/^[0-9a-f]{32}$/);
    expect(request).toEqual({ method: "note", params: { via, n }, version: "1.0", context });
  });
});

describe("what we send is as oslo sends it, member for member", () => {
  test.each([CALL, DIRECTED_CALL, CAST, DIRECTED_CAST, FANOUT, MONITORED_CALL])("%s", (body) => {
    const { method, params, namespace, version, context, ...fields } = readBody(body);
    const request = requestOf({ method, params, namespace, version, context });
    const written = encodeRequest(request, fields as RequestFields, LIMITS);
    expect(Object.entries(open(written))).toEqual(Object.entries(open(body)));
  });

  test("members that only a call has", () => {
    const keys = (fields: RequestFields): string[] => Object.keys(open(encodeRequest(requestOf({}), fields, LIMITS)));
    expect(keys(CALL_FIELDS)).toEqual(["method", "args", "_msg_id", "_reply_q", "_timeout", "_unique_id"]);
    expect(keys(CAST_FIELDS)).toEqual(["method", "args", "_unique_id"]);
    expect(keys({ ...CAST_FIELDS, replyQueue: "q", monitorMs: 5000 })).toEqual(["method", "args", "_unique_id"]);
  });

  test.each([
    [undefined, null],
    [1, 2],
    [2999, 2],
    [3000, 3],
    [3999.5, 3],
    [60_000, 60],
  ])("a monitor time of %j ms is %j whole seconds, never fewer than Python heeds", (monitorMs, seconds) => {
    const body = encodeRequest(requestOf({}), { ...CALL_FIELDS, monitorMs }, LIMITS);
    expect(open(body)["_timeout"]).toBe(seconds);
  });
});

test("any request of D2's values survives", () => {
  fc.assert(
    fc.property(
      anyJsonObject(),
      anyJsonObject(),
      fc.option(fc.string()),
      fc.boolean(),
      (params, context, namespace, isCall) => {
        const fields = isCall ? { ...CALL_FIELDS, monitorMs: 4000 } : CAST_FIELDS;
        const request = requestOf({
          params: params as never,
          context: context as never,
          ...(namespace === null ? {} : { namespace, version: "1.5.2" }),
        });
        const back = readBody(encodeRequest(request, fields, LIMITS));
        expect(back).toEqual({
          method: "m",
          params,
          context,
          ...fields,
          ...(namespace === null ? {} : { namespace, version: "1.5.2" }),
        });
        expect(Object.keys(back.params)).toEqual(Object.keys(params));
      },
    ),
    { numRuns: 300 },
  );
});

describe("what cannot travel", () => {
  const send =
    (part: Partial<Request>, maxMessageBytes = MAX) =>
    (): Buffer =>
      encodeRequest(requestOf(part), CAST_FIELDS, { maxMessageBytes, driver: "rabbit" });

  test.each([
    ["binary", new Uint8Array(1)],
    ["bigint", 1n],
    ["date", new Date(0)],
  ])("%s, which no manifest of this driver claims", (capability, value) => {
    for (const part of [{ params: { a: [value] } }, { context: { a: value } }]) {
      expect(send(part)).toThrow(NotSupportedError);
      expect(send(part)).toThrow(expect.objectContaining({ capability, driver: "rabbit" }));
    }
  });

  test.each([new Map(), Number.NaN, () => 1, "\ud800", Symbol("s")])("no value of D2, by its path", (value) => {
    expect(send({ params: { a: [0, value] } as never })).toThrow(expect.objectContaining({ path: "params.a[1]" }));
    expect(send({ context: { a: value } as never })).toThrow(expect.objectContaining({ path: "context.a" }));
  });

  test("a reserved name in the context", () => {
    expect(send({ context: { msg_id: "x" } })).toThrow(expect.objectContaining({ path: "context.msg_id" }));
  });

  test("what nests deeper than D2 allows; what nests as deep does", () => {
    const params = { a: nested(999) } as never;
    expect(readBody(send({ params })())).toMatchObject({ params });
    expect(send({ params: { a: nested(1000) } as never })).toThrow(SerializationError);
    expect(readBody(send({ context: params })())).toMatchObject({ context: params });
  });

  test("a getter that has nothing to say the second time", () => {
    let reads = 0;
    const params = {
      get a() {
        if (reads++ > 0) throw new TypeError("gone");
        return 1;
      },
    };
    expect(send({ params })).toThrow(SerializationError);
  });

  test("what is too large, to the byte of the whole body", () => {
    const part = { params: { text: 'é"'.repeat(100) } };
    const { length } = send(part)();
    expect(send(part, length)()).toHaveLength(length);
    expect(send(part, length - 1)).toThrow(MessageTooLargeError);
    expect(send(part, 10)).toThrow(expect.objectContaining({ maxMessageBytes: 10, remote: false }));
  });
});

describe("what a reader takes", () => {
  const minimal = { method: "m", args: { a: 1 }, _msg_id: "m1", _reply_q: "q" };

  test("the least that is a call, and the least that is a cast", () => {
    expect(readRequest(minimal)).toEqual({ method: "m", params: { a: 1 }, context: {}, msgId: "m1", replyQueue: "q" });
    expect(readRequest({ method: "m" })).toEqual({ method: "m", params: {}, context: {} });
  });

  test.each(["", null, undefined])("an id of %j asks for no reply", (id) => {
    expect(readRequest({ ...minimal, _msg_id: id, _unique_id: id, _timeout: 5 })).toEqual({
      method: "m",
      params: { a: 1 },
      context: {},
    });
  });

  test("null is no namespace, and no version either, but one that core refuses", () => {
    const read = readRequest({ ...minimal, namespace: null, version: null });
    expect(read).not.toHaveProperty("namespace");
    expect(read.version).toBe("null");
    expect(readRequest({ ...minimal, namespace: "", version: "" })).toMatchObject({ namespace: "", version: "" });
  });

  test.each([
    [2, 2000],
    [0.5, 500],
    [60, 60_000],
    [0, undefined],
    [-1, undefined],
    [null, undefined],
    ["5", undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [1e308, undefined],
    [2n ** 70n, undefined],
  ])("a timeout of %s s is a monitor time of %s ms", (seconds, monitorMs) => {
    expect(readRequest({ ...minimal, _timeout: seconds }).monitorMs).toBe(monitorMs);
  });

  test("the context, without what a Python server would add", () => {
    const inner = {
      ...minimal,
      _context_user: "u",
      _context_client_timeout: null,
      _context_msg_id: 1,
      _context_reply_q: 2,
    };
    expect(readRequest(inner).context).toEqual({ user: "u" });
    expect(readRequest({ ...minimal, _context__msg_id: 1, _context_method: 2 }).context).toEqual({
      _msg_id: 1,
      method: 2,
    });
  });
});

describe("what it refuses", () => {
  const kinds = [1, true, [], {}, ["m"], 1n];
  const members: readonly [string, readonly unknown[]][] = [
    ["method", [...kinds, null, undefined]],
    ["args", [null, 1, "x", true, []]],
    ["namespace", kinds],
    ["version", kinds],
    ["_msg_id", kinds],
    ["_reply_q", [...kinds, null, undefined, ""]],
    ["_unique_id", kinds],
  ];
  test.each(members)("a %s of another kind", (key, values) => {
    for (const value of values) {
      const inner = { method: "m", args: {}, _msg_id: "m1", _reply_q: "q", [key]: value };
      // Without a member of that name args are {}.
      expect(() => readRequest(inner), String(value)).toThrow(MalformedError);
    }
  });

  test.each(["method", "namespace", "version"])("a %s over 255 bytes", (key) => {
    const inner = { method: "m", [key]: "é".repeat(127) };
    expect(readRequest(inner)).toHaveProperty(key);
    expect(() => readRequest({ ...inner, [key]: "é".repeat(128) })).toThrow(MalformedError);
  });

  test("a request whose members are inherited", () => {
    expect(() => readBody('{"__proto__": {"method": "m"}}')).toThrow(MalformedError);
  });
});
