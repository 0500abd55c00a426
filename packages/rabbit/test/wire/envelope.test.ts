import { MalformedError, MessageTooLargeError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMPRESSION, compressBody } from "../../src/wire/compression.js";
import { CONTENT_ENCODING, CONTENT_TYPE, type ContentProperties, unwrap, wrap } from "../../src/wire/envelope.js";
import { BARE_NOTIFICATION, BEAT, CALL, PROPERTIES } from "./samples.js";
import { anyText } from "./values.js";

const MAX = 1 << 20;

/** Of text or bytes, with the properties that oslo sends unless told otherwise. */
function read(body: string | Buffer, properties: ContentProperties = PROPERTIES): unknown {
  return unwrap(Buffer.from(body), properties, MAX);
}

const envelope = (version: unknown, message: unknown): string =>
  JSON.stringify({ "oslo.version": version, "oslo.message": message });

describe("wrap", () => {
  test("writes an envelope 2.0 with JSON in a string", () => {
    const text = '{"method":"é \\"x\\""}';
    expect(JSON.parse(wrap(text).toString())).toEqual({ "oslo.version": "2.0", "oslo.message": text });
  });

  test("and unwrap gives back the object", () => {
    fc.assert(
      fc.property(fc.dictionary(anyText(), anyText()), (object) => {
        expect(read(wrap(JSON.stringify(object)))).toEqual({ ...object });
      }),
    );
  });

  test("its properties are oslo's", () => {
    expect({ contentType: CONTENT_TYPE, contentEncoding: CONTENT_ENCODING, headers: {} }).toEqual(PROPERTIES);
  });
});

describe("unwrap", () => {
  test("what oslo sends, with an envelope and without", () => {
    expect(read(CALL)).toMatchObject({ method: "add", args: { a: 2, b: 40 }, _timeout: null });
    expect(read(BEAT)).toMatchObject({ result: null, failure: null, ending: false });
    expect(read(BARE_NOTIFICATION)).toMatchObject({ priority: "INFO", payload: { i: 0, text: "héllo" } });
  });

  test.each([{}, { "oslo.version": "9.9" }, { "oslo.message": "no JSON" }, { method: "m" }])(
    "%j lacks a key of the envelope and is the message",
    (object) => {
      expect(read(JSON.stringify(object))).toEqual(object);
    },
  );

  test.each([
    ["2.0", true],
    ["2.0.0", true],
    ["2.1", false],
    ["2.0.1", false],
    ["1.0", false],
    ["3.0", false],
    ["2", false],
    ["", false],
    ["2.0x", false],
    [2.0, false],
    [null, false],
    [{ toString: 1 }, false],
  ])("of version %j is read: %s", (version, isRead) => {
    const body = envelope(version, "{}");
    if (isRead) expect(read(body)).toEqual({});
    else expect(() => read(body)).toThrow(MalformedError);
  });

  test.each([null, 1, {}, [], "", "x", "1", "null", "[]", '"{}"', "{"])("%j is no inner message", (message) => {
    expect(() => read(envelope("2.0", message))).toThrow(MalformedError);
  });

  test.each(["", "x", "1", "null", "[]", '"{}"', "{", "{}{}", "NaN", "\ufeff{}"])("%j is no body", (body) => {
    expect(() => read(body)).toThrow(MalformedError);
  });

  test("a body that is not UTF-8 is refused, not changed", () => {
    expect(read(Buffer.from('{"a":"\ufffd"}'))).toEqual({ a: "\ufffd" });
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
      expect(() => read(body)).toThrow(MalformedError);
    }
  });

  test("Python's escapes are read, lone surrogates of its file names too", () => {
    expect(read(String.raw`{"a": "\udc80", "b": "\ud83d\ude00"}`)).toEqual({ a: "\udc80", b: "😀" });
    expect(read(wrap(String.raw`{"a": "\udc80"}`))).toEqual({ a: "\udc80" });
  });

  test("values nest as deep as D2 allows, one level down", () => {
    const deep = (depth: number): string => `{"args":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(read(deep(1000))).toHaveProperty("args");
    expect(read(wrap(deep(1000)))).toHaveProperty("args");
    expect(() => read(deep(1001))).toThrow(MalformedError);
    expect(() => read(wrap(deep(1001)))).toThrow(MalformedError);
  });

  test("`__proto__` is a member like any other", () => {
    for (const body of ['{"__proto__":{"method":"m"}}', wrap('{"__proto__":{"method":"m"}}')]) {
      const inner = read(body) as Record<string, unknown>;
      expect(Object.keys(inner)).toEqual(["__proto__"]);
      expect(inner["method"]).toBeUndefined();
    }
    expect(read('{"__proto__":{"oslo.version":"9.0","oslo.message":1}}')).not.toHaveProperty("oslo.version");
  });
});

describe("content type and encoding", () => {
  test.each([
    ["application/json", true],
    ["Application/JSON", true],
    ["application/json; charset=utf-8", true],
    ["application/json ;x", true],
    ["application/jsonp", false],
    ["application/json+x", false],
    ["text/plain", false],
    ["", false],
    [undefined, false],
    [null, false],
    [{}, false],
  ])("type %j is read: %s", (contentType, isRead) => {
    const attempt = (): unknown => read(CALL, { ...PROPERTIES, contentType });
    if (isRead) expect(attempt()).toHaveProperty("method");
    else expect(attempt).toThrow(MalformedError);
  });

  test.each([
    ["utf-8", true],
    ["UTF-8", true],
    ["utf8", true],
    ["ascii", true],
    ["US-ASCII", true],
    [undefined, true],
    [null, true],
    ["", true],
    ["latin-1", false],
    ["binary", false],
    ["utf-16", false],
    [8, false],
  ])("encoding %j is read: %s", (contentEncoding, isRead) => {
    const attempt = (): unknown => read(CALL, { ...PROPERTIES, contentEncoding });
    if (isRead) expect(attempt()).toHaveProperty("method");
    else expect(attempt).toThrow(MalformedError);
  });

  test("properties that are missing altogether", () => {
    expect(read(CALL, { contentType: "application/json" })).toHaveProperty("method");
    expect(() => read(CALL, {})).toThrow(MalformedError);
  });
});

describe("size and compression", () => {
  const body = Buffer.from(CALL);

  test("the limit counts the bytes that came", () => {
    expect(unwrap(body, PROPERTIES, body.length)).toHaveProperty("method");
    expect(() => unwrap(body, PROPERTIES, body.length - 1)).toThrow(MessageTooLargeError);
  });

  test("a compressed body is read by its header, and the limit counts what comes out", () => {
    const properties = { ...PROPERTIES, headers: { compression: COMPRESSION } };
    const compressed = compressBody(body);
    expect(unwrap(compressed, properties, body.length)).toEqual(read(CALL));
    expect(() => unwrap(compressed, properties, body.length - 1)).toThrow(MessageTooLargeError);
    expect(() => unwrap(body, properties, MAX)).toThrow(MalformedError);
    expect(() => unwrap(compressed, PROPERTIES, MAX)).toThrow(MalformedError);
  });

  test("what compresses badly may be longer on the wire than the limit", () => {
    const noise = Buffer.from("{}");
    const compressed = compressBody(noise);
    expect(compressed.length).toBeGreaterThan(noise.length);
    expect(unwrap(compressed, { ...PROPERTIES, headers: { compression: "gzip" } }, noise.length)).toEqual({});
  });

  test.each([undefined, null, "x", 1, [], {}, { compression: "" }, { compression: null }])(
    "headers %j say nothing of it",
    (headers) => {
      expect(read(CALL, { ...PROPERTIES, headers })).toHaveProperty("method");
    },
  );

  test("nor does a prototype that a header of that name gave the table", () => {
    const headers = Object.create({ compression: "application/x-bz2" });
    expect(read(CALL, { ...PROPERTIES, headers })).toHaveProperty("method");
  });

  test.each([1, {}, true, "application/x-bz2"])("compression %j is refused", (compression) => {
    expect(() => read(CALL, { ...PROPERTIES, headers: { compression } })).toThrow(MalformedError);
  });
});
