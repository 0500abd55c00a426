import type { JsonObject, Value } from "@trunkline/core/driver";
import fc from "fast-check";

const text = fc.string({ unit: "binary", maxLength: 60 });
const key = fc.oneof(text, fc.constantFrom("__proto__", "constructor", "", "0", "k".repeat(32)));
const leaf: fc.Arbitrary<Value> = fc.oneof(
  text,
  fc.string({ minLength: 30, maxLength: 300 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.integer({ min: -200, max: 300 }),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 300 }),
  fc.date({ noInvalidDate: true }),
);

/** A value of D2; what the codec does with each kind is core's to test. */
export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 8 }),
    tie("object"),
  ),
  object: fc.array(fc.tuple(key, tie("value")), { maxLength: 8 }).map(ownObject),
})).value;

/** An object of such values. */
export const anyObject: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(key, anyValue), { maxLength: 4 })
  .map((members) => ownObject(members));

/** As `Object.fromEntries`, but `__proto__` becomes an own member too. */
function ownObject(members: readonly (readonly [string, Value])[]): JsonObject {
  const object: Record<string, Value> = {};
  for (const [name, value] of members) {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}
