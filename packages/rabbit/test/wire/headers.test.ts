import { SerializationError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHeaders, encodeHeaders } from "../../src/wire/headers.js";
import { anyText } from "./values.js";

const OWN = { sentAtMs: 1_764_000_000_123, timeoutMs: 60_000.5, monitorMs: 250, attempt: 2 };

test("trace headers go under their own names, the application's behind a prefix, ours beside them", () => {
  const headers = {
    traceparent: "00-1-2-01",
    tracestate: "a=b",
    baggage: "c=d",
    "x-tenant": "t",
    "trunkline-attempt": "mine",
  };
  expect(encodeHeaders(headers, OWN)).toEqual({
    traceparent: "00-1-2-01",
    tracestate: "a=b",
    baggage: "c=d",
    "trunkline-h-x-tenant": "t",
    "trunkline-h-trunkline-attempt": "mine",
    "trunkline-sent-at": 1_764_000_000_123,
    "trunkline-timeout-ms": 60_000.5,
    "trunkline-monitor-ms": 250,
    "trunkline-attempt": 2,
  });
  expect(encodeHeaders({}, {})).toEqual({});
});

test("any headers come back", () => {
  const name = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom("traceparent", "__proto__", "trunkline-attempt", "trunkline-h-a", "compression", ""),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, anyText(100))), fc.constantFrom({}, OWN, { attempt: 1 }), (entries, own) => {
      const headers = Object.fromEntries(entries);
      const back = decodeHeaders(encodeHeaders(headers, own));
      expect(back).toEqual({ headers, ...own });
      expect(Object.keys(back.headers).toSorted()).toEqual(Object.keys(headers).toSorted());
      expect(Object.getPrototypeOf(back.headers)).toBe(Object.prototype);
    }),
  );
});

describe("bounds", () => {
  const refused = expect.objectContaining({ name: "SerializationError", path: "headers" });

  test("a name with its prefix has at most 255 bytes", () => {
    const longest = "é".repeat(121);
    expect(decodeHeaders(encodeHeaders({ [longest]: "v" }, {})).headers).toEqual({ [longest]: "v" });
    expect(() => encodeHeaders({ [`${longest}éé`]: "v" }, {})).toThrow(refused);
  });

  test("all names and values have at most 32 KiB", () => {
    const name = "trunkline-h-a".length;
    const fits = "é".repeat((32 * 1024 - name - 1) / 2);
    expect(encodeHeaders({ a: fits }, {})).toBeDefined();
    expect(() => encodeHeaders({ a: `${fits}ab` }, {})).toThrow(refused);
    expect(() => encodeHeaders({ a: fits }, { attempt: 1 })).toThrow(refused);
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`name-${index}`, ""]));
    expect(() => encodeHeaders(many, {})).toThrow(refused);
  });

  test("a lone surrogate would not arrive as it is", () => {
    expect(() => encodeHeaders({ a: "\ud800" }, {})).toThrow(SerializationError);
    expect(() => encodeHeaders({ "\ud800": "a" }, {})).toThrow(SerializationError);
  });
});

describe("a reader leaves out what is of the wrong kind", () => {
  test.each([undefined, null, 1, "x", [], ["a"], true])("a table that is %j", (table) => {
    expect(decodeHeaders(table)).toEqual({ headers: {} });
  });

  test("headers of others, and those of the application that are no text", () => {
    const table = {
      compression: "x",
      "x-death": [{ count: 1 }],
      "trunkline-h-a": 1,
      traceparent: {},
      "trunkline-other": "y",
    };
    expect(decodeHeaders(table)).toEqual({ headers: {} });
  });

  test("a trace header behind the prefix, which could contradict the one without", () => {
    expect(decodeHeaders({ "trunkline-h-traceparent": "a", traceparent: "b" }).headers).toEqual({ traceparent: "b" });
    expect(decodeHeaders({ "trunkline-h-traceparent": "a" }).headers).toEqual({});
  });

  test.each<[string, readonly unknown[]]>([
    ["trunkline-sent-at", ["1", -1, 8.65e15, Number.NaN, Number.POSITIVE_INFINITY, 1n, {}]],
    ["trunkline-timeout-ms", ["1", -1, Number.NaN, Number.POSITIVE_INFINITY]],
    ["trunkline-monitor-ms", ["1", 0, -1, Number.NaN, Number.POSITIVE_INFINITY]],
    ["trunkline-attempt", ["1", 0, -1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]],
  ])("%s", (name, values) => {
    for (const value of values) expect(decodeHeaders({ [name]: value }), String(value)).toEqual({ headers: {} });
  });

  test("what a header of the name `__proto__` gave the table", () => {
    const table = Object.create({ "trunkline-attempt": 2, "trunkline-h-a": "v" });
    expect(decodeHeaders(table)).toEqual({ headers: {} });
    expect(decodeHeaders(JSON.parse('{"trunkline-h-__proto__":"v","__proto__":{"trunkline-attempt":2}}'))).toEqual({
      headers: Object.fromEntries([["__proto__", "v"]]),
    });
  });

  test("and never throws", () => {
    fc.assert(
      fc.property(fc.object(), (table) => {
        expect(decodeHeaders(table)).toHaveProperty("headers");
      }),
    );
  });
});
