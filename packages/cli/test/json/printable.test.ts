import { expect, test } from "vitest";
import { printable } from "../../src/json/printable.js";

test("what a backend carries beyond JSON has a JSON form", () => {
  const value = {
    bytes: new Uint8Array([1, 2, 255]),
    big: 2n ** 70n,
    date: new Date("2024-02-29T12:00:00.000Z"),
    list: [undefined, null, 1n],
    gone: undefined,
  };
  expect(printable(value)).toEqual({
    bytes: { $bytes: "AQL/" },
    big: { $bigint: "1180591620717411303424" },
    date: { $date: "2024-02-29T12:00:00.000Z" },
    list: [null, null, { $bigint: "1" }],
  });
  expect(printable(undefined)).toBeNull();
});

test("a view into a larger buffer prints its own bytes alone", () => {
  const view = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
  expect(printable(view)).toEqual({ $bytes: Buffer.from([1, 2]).toString("base64") });
});

test("a member called __proto__ stays a member", () => {
  const printed = JSON.stringify(printable(JSON.parse('{"__proto__": {"a": 1}, "b": 2}')));
  expect(printed).toBe('{"__proto__":{"a":1},"b":2}');
});
