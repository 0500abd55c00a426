import { MalformedError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonText } from "../../src/wire/json-text.js";
import { MAX_VALUE_DEPTH, parsePythonJson } from "../../src/wire/python-json.js";
import { anyJsonValue, nested } from "./values.js";

/** Forces the strict reader: an integer beyond 2^53-1 beside the text. */
function parseStrictly(text: string): unknown {
  const both = parsePythonJson(`[${text},9007199254740993]`, MAX_VALUE_DEPTH + 1) as [unknown, unknown];
  expect(both[1]).toBe(9007199254740993n);
  return both[0];
}

describe("numbers as Python writes them", () => {
  test.each<[string, unknown]>([
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ['{"a": [NaN, -Infinity], "b": "NaN"}', { a: [Number.NaN, Number.NEGATIVE_INFINITY], b: "NaN" }],
    ["9007199254740991", 2 ** 53 - 1],
    ["-9007199254740991", 1 - 2 ** 53],
    ["9007199254740992", 2n ** 53n],
    ["-9007199254740993", -(2n ** 53n) - 1n],
    ["1180591620717411303424", 2n ** 70n],
    ['{"a": {"b": [18446744073709551615]}}', { a: { b: [2n ** 64n - 1n] } }],
    ["9007199254740993.0", 2 ** 53],
    ["12345678901234567e3", 12345678901234567e3],
    ["1e+22", 1e22],
    ["1E400", Number.POSITIVE_INFINITY],
    ["0.30000000000000004", 0.1 + 0.2],
    ["-0.0", -0],
    ["0", 0],
  ])("%s", (text, value) => {
    expect(parsePythonJson(text)).toEqual(value);
    expect(parsePythonJson(` \t\r\n${text}\n`)).toEqual(value);
  });

  test("an integer has no more digits than Python reads", () => {
    const digits = "9".repeat(4300);
    expect(parsePythonJson(digits)).toBe(BigInt(digits));
    expect(parsePythonJson(`-${digits}`)).toBe(-BigInt(digits));
    expect(() => parsePythonJson(`${digits}9`)).toThrow(MalformedError);
    expect(parsePythonJson(`${digits}9.5`)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("what is no JSON is malformed", () => {
  const bad = [
    ...["", " ", "{", "[", '"', '"\\"', '{"a"', '{"a":', '{"a":1', "{1:2}", '{"a":1,}', "{,}", "[1,]", "[,]", "[1 2]"],
    ...[
      "nul",
      "nullx",
      "True",
      "nan",
      "inf",
      "+1",
      "-",
      "-I",
      "-Infinit",
      "NaNs",
      "01",
      "-01",
      "1.",
      ".5",
      "1e",
      "1e+",
      "0x1",
    ],
    ...["'a'", '"\n"', '"\\x"', '"\\u12g4"', "1 1", "{}[]", "]", "}", "\ufeff1", "[NaN", '{"a" 1}', "undefined"],
    ...["00000000000000000001", "-00000000000000000001", "9007199254740993.", "9007199254740993e", "[9007199254740993"],
  ];
  test.each(bad)("%j", (text) => {
    expect(() => parsePythonJson(text)).toThrow(MalformedError);
    expect(() => parsePythonJson(`[9007199254740993, NaN, ${text}`)).toThrow(MalformedError);
  });

  test("and its place is told", () => {
    expect(() => parsePythonJson('{"a": [1, nil]}')).toThrow(expect.objectContaining({ position: 10 }));
    expect(() => parsePythonJson('["a", "b')).toThrow(expect.objectContaining({ position: 6 }));
    expect(() => parsePythonJson("[1, 2")).toThrow(expect.objectContaining({ position: 6 - 1 }));
  });
});

describe("objects", () => {
  const texts = ['{"__proto__": {"a": 1}, "b": 1}', '{"__proto__": {"a": 1}, "b": 9007199254740993}'];
  test.each(texts)("%s has an own member __proto__, and no other prototype", (text) => {
    const value = parsePythonJson(text) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__", "b"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value["a"]).toBeUndefined();
  });

  test("the last of two keys counts", () => {
    expect(parsePythonJson('{"a": 1, "b": 2, "a": 3}')).toEqual({ a: 3, b: 2 });
    expect(parsePythonJson('{"a": 1, "b": 2, "a": 9007199254740993}')).toEqual({ a: 9007199254740993n, b: 2 });
    const proto = parsePythonJson('{"__proto__": 1, "__proto__": NaN}');
    expect(Object.entries(proto as object)).toEqual([["__proto__", Number.NaN]]);
  });
});

describe("nesting", () => {
  const deep = (depth: number, inside = ""): string => "[".repeat(depth) + inside + "]".repeat(depth);

  test.each(["", "NaN", "9007199254740993"])("ends at its bound, around %j", (inside) => {
    expect(parsePythonJson(deep(1000, inside))).toBeDefined();
    expect(() => parsePythonJson(deep(1001, inside))).toThrow(MalformedError);
    expect(parsePythonJson(deep(1001, inside), 1001)).toBeDefined();
    expect(() => parsePythonJson(deep(3, inside), 2)).toThrow(expect.objectContaining({ position: 2 }));
  });

  test("objects count as arrays do, and brackets in strings do not", () => {
    const object = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    expect(parsePythonJson(object(1000))).toBeDefined();
    expect(() => parsePythonJson(object(1001))).toThrow(MalformedError);
    const brackets = JSON.stringify(`\\"${"[{".repeat(2000)}\\`);
    expect(parsePythonJson(brackets)).toBe(JSON.parse(brackets));
    expect(parsePythonJson(`[${"[],".repeat(3000)}{}]`)).toHaveLength(3001);
  });

  test.each(["[", '{"a":', "[{", '[{"a":[', "[9007199254740993,", '["['])(
    "no stack is exhausted by %j again and again",
    (part) => {
      for (const times of [900, 2000, 1_000_000]) {
        expect(() => parsePythonJson(part.repeat(times))).toThrow(MalformedError);
      }
    },
  );
});

test("hostile texts take linear time", () => {
  const size = 4_000_000;
  const texts = [
    `"${"\\".repeat(size)}`,
    `"${'\\"'.repeat(size / 2)}`,
    `NaN${"9".repeat(size)}`,
    "9".repeat(size),
    `[${"123456789012345x".repeat(size / 16)}`,
    `{"a":${'"\\\\'.repeat(size / 3)}`,
  ];
  for (const text of texts) {
    const start = performance.now();
    expect(() => parsePythonJson(text)).toThrow(MalformedError);
    // Quadratic time would be hours.
    expect(performance.now() - start).toBeLessThan(5000);
  }
});

describe("for any text", () => {
  test("of a value, both readers say the same as JSON.parse", () => {
    fc.assert(
      fc.property(anyJsonValue(), fc.constantFrom(undefined, 1, "\t"), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        // Large doubles are digits in JSON.stringify's text, and so an integer to the reader.
        fc.pre(!/\d{16}/.test(text));
        expect(parsePythonJson(text)).toEqual(JSON.parse(text));
        expect(parseStrictly(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 150 },
    );
  });

  test("like JSON, what JSON.parse refuses is malformed and what it takes is not", () => {
    const part = fc.constantFrom(
      ...'{}[]:,"\\-+.eE0123456789 \n\tnulltruefalseabu/'.split(""),
      "null",
      '"a"',
      "1.5",
      "-1e3",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(attempt(() => parsePythonJson(text))).toEqual(attempt(() => JSON.parse(text)));
        const strictly = attempt(() => parsePythonJson(`[9007199254740993,${text}]`));
        expect((strictly as unknown[] | undefined)?.slice(1)).toEqual(
          (attempt(() => JSON.parse(`[1,${text}]`)) as unknown[] | undefined)?.slice(1),
        );
      }),
      { numRuns: 3000 },
    );
  });

  test("what jsonText writes is read as it was, large doubles too", () => {
    fc.assert(
      fc.property(anyJsonValue(), (value) => {
        expect(parsePythonJson(jsonText([value]))).toEqual([value]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("jsonText", () => {
  test.each<[unknown, string]>([
    [2 ** 53 - 1, "9007199254740991"],
    [2 ** 53, "9007199254740992.0"],
    [-(2 ** 60), "-1152921504606847000.0"],
    [1e20, "100000000000000000000.0"],
    [1e21, "1e+21"],
    [1234567890123456.8, "1234567890123456.8"],
    [0.1234567890123456, "0.1234567890123456"],
    ['9007199254740992, "9007199254740992" \\', JSON.stringify('9007199254740992, "9007199254740992" \\')],
  ])("of %j", (value, text) => {
    expect(jsonText([value, { a: value }])).toBe(`[${text},{"a":${text}}]`);
  });

  test("leaves out what is undefined, and writes what nests deep", () => {
    expect(jsonText({ a: undefined, b: [undefined] })).toBe('{"b":[null]}');
    expect(parsePythonJson(jsonText({ a: nested(999) }))).toEqual({ a: nested(999) });
  });
});

/** What a function returns, or undefined where it throws; a throw of this module is a MalformedError. */
function attempt(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    expect(error instanceof SyntaxError || error instanceof MalformedError).toBe(true);
    return undefined;
  }
}
