import fc from "fast-check";

/** Any value of D2, hostile keys and numbers at the edges included. No `undefined` inside: that vanishes and is tested apart. */
export function anyValue(): fc.Arbitrary<unknown> {
  const string = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "binary-ascii", maxLength: 80 }),
    fc.string({ unit: "binary", minLength: 30, maxLength: 300 }),
  );
  const key = fc.oneof(
    string,
    fc.constantFrom(
      "__proto__",
      "constructor",
      "toJSON",
      "length",
      "0",
      "1",
      "",
      "hasOwnProperty",
      "k".repeat(31),
      "k".repeat(32),
    ),
  );
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.integer(),
    fc.integer({ min: -200, max: 300 }),
    fc.constantFrom(
      -0,
      0,
      -32,
      -33,
      127,
      128,
      255,
      256,
      -128,
      -129,
      65535,
      65536,
      -32768,
      -32769,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 31),
    ),
  );
  const leaf = fc.oneof(
    string,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.uint8Array({ maxLength: 300 }),
    fc.date({ noInvalidDate: true }),
  );
  const tree = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 20 }),
      fc.array(fc.tuple(key, tie("value")), { maxLength: 20 }).map(ownObject),
    ),
  }));
  return tree.value;
}

/** Object.fromEntries, but `__proto__` becomes an own member too. */
export function ownObject(members: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of members) {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}
