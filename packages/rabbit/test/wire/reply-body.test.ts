import {
  CORE_MODULE,
  MalformedError,
  MessageTooLargeError,
  NotSupportedError,
  type Outcome,
  SerializationError,
} from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unwrap } from "../../src/wire/envelope.js";
import { encodeBeat, encodeLost, encodeReply, readReply } from "../../src/wire/reply-body.js";
import { BEAT, ERROR_REPLY, ODD_REPLY, PROPERTIES, REPLY, REPLY_OF_NONE } from "./samples.js";
import { anyJsonValue, nested } from "./values.js";

const MAX = 1 << 24;
const LIMITS = { maxMessageBytes: MAX, driver: "rabbit" };
const FIELDS = { msgId: "m1", uniqueId: "u1" };

const open = (body: Buffer | string): Record<string, unknown> => unwrap(Buffer.from(body), PROPERTIES, MAX);
const readBody = (body: Buffer | string) => readReply(open(body));
const success = (value: unknown): Outcome => ({ ok: true, value: value as never });

describe("what oslo sends", () => {
  test("a result", () => {
    expect(readBody(REPLY)).toEqual({ msgId: "0776be0ae5584fe78c907dc9be27bedf", kind: "end", outcome: success(42) });
  });

  test("no result", () => {
    expect(readBody(REPLY_OF_NONE)).toMatchObject({ kind: "end", outcome: success(null) });
  });

  test("a beat", () => {
    expect(readBody(BEAT)).toEqual({ msgId: "abe463bdfa324d8f80db8aaad1070c45", kind: "beat" });
  });

  test("an exception", () => {
    expect(readBody(ERROR_REPLY)).toEqual({
      msgId: "913d9f8de190403296ddf11413c1f486",
      kind: "end",
      outcome: {
        ok: false,
        failure: {
          type: "BoomError",
          module: "common",
          message: "BoomError(kaput, 42)",
          stack:
            'Traceback (most recent call last):\n  File "common.py", line 9, in boom\ncommon.BoomError: BoomError(kaput, 42)',
          details: { args: ["kaput", 42], kwargs: { hint: "from-python" } },
        },
      },
    });
  });

  test("values that other JSON does not have", () => {
    const reply = readBody(ODD_REPLY);
    expect(reply).toMatchObject({ kind: "end", outcome: { ok: true } });
    expect(reply).toHaveProperty("outcome.value", {
      nan: Number.NaN,
      inf: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      big: 2n ** 70n,
      edge: 2 ** 53 - 1,
      over: 2n ** 53n,
      neg: -(2n ** 63n),
      pi: Math.PI,
      huge: 1e22,
      lone: "\udc80",
      text: "hé😀",
      when: "2026-01-02T03:04:05.000006",
      id: "00000000-0000-0000-0000-000000000001",
    });
  });
});

describe("what we send", () => {
  test.each([REPLY, REPLY_OF_NONE])("a result, as oslo sends it, member for member", (body) => {
    const { result, _msg_id: msgId, _unique_id: uniqueId } = open(body);
    const written = encodeReply(success(result), { msgId, uniqueId } as typeof FIELDS, LIMITS);
    expect(Object.entries(open(written))).toEqual(Object.entries(open(body)));
  });

  test("a beat, as oslo sends it", () => {
    const { _msg_id: msgId, _unique_id: uniqueId } = open(BEAT);
    const written = encodeBeat({ msgId, uniqueId } as typeof FIELDS);
    expect(Object.entries(open(written))).toEqual(Object.entries(open(BEAT)));
    expect(readBody(written)).toEqual({ msgId, kind: "beat" });
  });

  test("a failure, as a string of JSON beside no result", () => {
    const failure = { type: "RangeError", message: "no", stack: "RangeError: no\n    at f", details: { size: 3 } };
    const inner = open(encodeReply({ ok: false, failure }, FIELDS, LIMITS));
    expect(Object.keys(inner)).toEqual(["result", "failure", "ending", "_msg_id", "_unique_id"]);
    expect(inner).toMatchObject({ result: null, ending: true });
    expect(JSON.parse(String(inner["failure"]))).toMatchObject({
      class: "ValueError",
      module: "builtins",
      args: ["no"],
    });
    expect(readReply(inner)).toEqual({ msgId: "m1", kind: "end", outcome: { ok: false, failure } });
  });

  test("a loss, which a Python caller gets as an exception", () => {
    for (const mayHaveRun of [true, false]) {
      const inner = open(encodeLost({ ...FIELDS, message: "stopped", mayHaveRun }));
      expect(inner).toMatchObject({ result: null, ending: true });
      expect(JSON.parse(String(inner["failure"]))).toMatchObject({ class: "ConnectionLostError", module: CORE_MODULE });
      expect(readReply(inner)).toEqual({ msgId: "m1", kind: "lost", message: "stopped", mayHaveRun });
    }
  });

  test("any value of D2 survives", () => {
    fc.assert(
      fc.property(anyJsonValue(), (value) => {
        const reply = readBody(encodeReply(success(value), FIELDS, LIMITS));
        expect(reply).toEqual({ msgId: "m1", kind: "end", outcome: success(value) });
      }),
      { numRuns: 300 },
    );
    const deep = nested(1000);
    expect(readBody(encodeReply(success(deep), FIELDS, LIMITS))).toMatchObject({ outcome: success(deep) });
    expect(readBody(encodeReply(success(undefined), FIELDS, LIMITS))).toMatchObject({ outcome: success(null) });
  });

  test("a result that cannot travel is refused", () => {
    const send =
      (value: unknown, maxMessageBytes = MAX) =>
      (): Buffer =>
        encodeReply(success(value), FIELDS, { maxMessageBytes, driver: "rabbit" });
    expect(send({ a: 1n })).toThrow(NotSupportedError);
    expect(send({ a: 1n })).toThrow(expect.objectContaining({ capability: "bigint", driver: "rabbit" }));
    expect(send([new Set()])).toThrow(expect.objectContaining({ path: "result[0]" }));
    expect(send(nested(1001))).toThrow(SerializationError);
    expect(send("x".repeat(1000), 1000)).toThrow(MessageTooLargeError);
    const failure = { type: "E", message: "x".repeat(1000) };
    expect(() => encodeReply({ ok: false, failure }, FIELDS, { ...LIMITS, maxMessageBytes: 1000 })).toThrow(
      MessageTooLargeError,
    );
  });
});

describe("what a reader makes of it", () => {
  const reply = { result: null, failure: null, ending: true, _msg_id: "m1", _unique_id: "u1" };
  const document = { class: "E", module: "m", message: "no" };
  const failed = { ok: false, failure: { type: "E", module: "m", message: "no" } };
  const without = (key: string): Record<string, unknown> =>
    Object.fromEntries(Object.entries(reply).filter(([name]) => name !== key));

  test("without `failure` it is malformed", () => {
    expect(() => readReply(without("failure"))).toThrow(MalformedError);
    expect(() => readReply(JSON.parse('{"_msg_id":"m","ending":true,"__proto__":{"failure":null}}'))).toThrow(
      MalformedError,
    );
  });

  test.each([undefined, null, "", 1, {}, []])("nor with a message id of %j", (id) => {
    expect(() => readReply({ ...reply, _msg_id: id })).toThrow(MalformedError);
  });

  test("without a result it is null", () => {
    expect(readReply(without("result"))).toEqual({ msgId: "m1", kind: "end", outcome: success(null) });
  });

  test.each([false, null, undefined, 0, ""])(
    "with an ending of %j a result is kept, and no result is a beat",
    (ending) => {
      expect(readReply({ ...reply, result: 1, ending })).toEqual({ msgId: "m1", kind: "partial", outcome: success(1) });
      expect(readReply({ ...reply, result: false, ending })).toMatchObject({
        kind: "partial",
        outcome: success(false),
      });
      expect(readReply({ ...reply, ending })).toEqual({ msgId: "m1", kind: "beat" });
      expect(readReply({ ...reply, failure: JSON.stringify(document), ending })).toEqual({
        msgId: "m1",
        kind: "partial",
        outcome: failed,
      });
    },
  );

  test("without an ending it has none", () => {
    expect(readReply({ ...without("ending"), result: 1 })).toMatchObject({ kind: "partial" });
    expect(readReply(without("ending"))).toEqual({ msgId: "m1", kind: "beat" });
  });

  test("an old server's pair: the result, then the end", () => {
    expect(readReply({ ...reply, result: 5, ending: false })).toMatchObject({ kind: "partial", outcome: success(5) });
    expect(readReply(without("result"))).toMatchObject({ kind: "end", outcome: success(null) });
  });

  test("a failure goes before a result", () => {
    expect(readReply({ ...reply, result: 1, failure: JSON.stringify(document) })).toMatchObject({ outcome: failed });
  });

  test("a failure that is an object is read all the same", () => {
    expect(readReply({ ...reply, failure: document })).toEqual({ msgId: "m1", kind: "end", outcome: failed });
  });

  test.each([null, "", false, 0, {}, []])("a failure of %j is none, as in Python", (failure) => {
    expect(readReply({ ...reply, result: 1, failure })).toMatchObject({ kind: "end", outcome: success(1) });
  });

  test.each(["{", "no JSON", "[]", 1, true, [1]])("a failure of %j is one that cannot be read", (failure) => {
    expect(readReply({ ...reply, failure })).toMatchObject({
      kind: "end",
      outcome: { ok: false, failure: { type: "Error", message: expect.stringContaining("cannot be read") } },
    });
  });

  test("an older oslo's `log_failure` is passed over", () => {
    expect(readReply({ ...reply, log_failure: true, result: 1 })).toMatchObject({ kind: "end", outcome: success(1) });
  });

  test("a loss is one, whether or not it says that it is the end", () => {
    const failure = { ...document, trunkline: { lost: { mayHaveRun: false } } };
    for (const ending of [true, false]) {
      expect(readReply({ ...reply, failure, ending })).toEqual({
        msgId: "m1",
        kind: "lost",
        message: "no",
        mayHaveRun: false,
      });
    }
  });
});
