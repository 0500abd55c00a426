import fc from "fast-check";
import { expect, test } from "vitest";
import { InvalidArgumentError, NotSupportedError, SerializationError } from "../../src/errors.js";
import { checkParams, checkValue } from "../../src/kit/payload-check.js";
import { encodeValue } from "../../src/kit/value-writer.js";
import { anyValue } from "./values.js";

test("any value of D2 passes", () => {
  fc.assert(fc.property(anyValue(), (value) => checkValue(value, "payload", {})));
});

test("check and codec refuse the same values with the same error", () => {
  const odd = fc.oneof(
    anyValue(),
    fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
    }),
  );
  const said = (fn: () => unknown): string => {
    try {
      fn();
      return "nothing";
    } catch (error) {
      return String(error);
    }
  };
  fc.assert(
    fc.property(odd, fc.boolean(), (value, claimed) => {
      const allow = { binary: claimed, bigint: claimed, date: claimed, driver: "rabbit" };
      const checked = said(() => checkValue(value, "payload", allow));
      expect(said(() => encodeValue(value, { ...allow, root: "payload" }))).toBe(checked);
    }),
    { numRuns: 1000 },
  );
});

test("the path leads to the first part that cannot travel", () => {
  const check = (): void => checkValue({ a: [0, { "b c": Number.NaN }] }, "params", {});
  expect(check).toThrow(SerializationError);
  expect(check).toThrow(expect.objectContaining({ path: 'params.a[1]["b c"]' }));
});

test("what the manifest does not claim is refused by its key", () => {
  expect(() => checkValue([1n], "payload", { bigint: false, driver: "rabbit" })).toThrow(
    expect.objectContaining({ code: "ERR_NOT_SUPPORTED", capability: "bigint", driver: "rabbit" }),
  );
  expect(() => checkValue(new Uint8Array(1), "payload", { binary: false })).toThrow(NotSupportedError);
  expect(() => checkValue(new Date(0), "payload", { date: false })).toThrow(NotSupportedError);
});

test("a cycle that branches is refused at once", () => {
  const loop: unknown[] = [];
  loop.push(loop, loop, loop);
  expect(() => checkValue(loop, "payload", {})).toThrow("payload[0]: a cycle cannot travel: this is payload again");
});

test("a very deep path is shortened", () => {
  let value: unknown = 1;
  for (let i = 0; i < 1500; i++) value = { deep: value };
  expect(() => checkValue(value, "payload", {})).toThrow(/^payload(\.deep){20,60}…: it is nested more than 1000 deep/);
});

test("shared parts are no cycle", () => {
  const shared = { x: 1 };
  checkValue({ a: shared, b: [shared, shared] }, "payload", {});
  expect(() => checkValue({ a: shared, b: [shared, Number.NaN] }, "payload", {})).toThrow(/^payload\.b\[1\]/);
});

test("params are a plain object", () => {
  expect(checkParams(undefined)).toStrictEqual({});
  const params = { a: 1 };
  expect(checkParams(params)).toBe(params);
  expect(checkParams(Object.create(null))).toStrictEqual(Object.create(null));
  for (const wrong of [null, [], [1], "text", 1, true, new Map(), new Date(), () => 1, new (class Boot {})()]) {
    expect(() => checkParams(wrong)).toThrow(InvalidArgumentError);
  }
  expect(() => checkParams([1])).toThrow("params must be a plain object such as { id: 1 }, got an array");
  expect(() => checkParams(new (class Boot {})())).toThrow(/got an instance of Boot/);
});
