import fc from "fast-check";

/** Any well-formed text, a third of it ASCII, with all that JSON escapes. */
export function anyText(maxLength = 20): fc.Arbitrary<string> {
  const codePoint = fc.oneof(fc.nat(0x7f), fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff }));
  return fc.string({ unit: codePoint.map((point) => String.fromCodePoint(point)), maxLength });
}

/** Any value of D2 that JSON can hold, hostile keys and numbers at the edges included; of -0 see the reader's own tests. */
export function anyJsonValue(): fc.Arbitrary<unknown> {
  const text = fc.oneof(anyText(), anyText(200), fc.stringMatching(/^[\d.e\\"-]{14,22}$/));
  const key = fc.oneof(
    text,
    fc.constantFrom("__proto__", "constructor", "toJSON", "length", "0", "", "oslo.version", "oslo.message"),
  );
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((double) => (Object.is(double, -0) ? 0 : double)),
    fc.maxSafeInteger(),
    fc.integer({ min: -200, max: 300 }),
    fc.constantFrom(0.1 + 0.2, 2 ** 53, -(2 ** 60), 1e15, 1e16, 1e20, 1e21, 1e22, 5e-324, 1234567890123456.8),
  );
  const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null));
  return fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 8 }),
      objectOf(key, tie("value")),
    ),
  })).value;
}

/** An object with such members, for params and contexts. */
export function anyJsonObject(): fc.Arbitrary<Record<string, unknown>> {
  return objectOf(fc.oneof(anyText(), fc.constantFrom("__proto__", "method")), anyJsonValue());
}

/** Where a key comes twice the last counts; `__proto__` is an own member. */
function objectOf<Value>(key: fc.Arbitrary<string>, value: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> {
  return fc.array(fc.tuple(key, value), { maxLength: 8 }).map((entries) => Object.fromEntries(entries));
}

/** Arrays in arrays, `depth` of them. */
export function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}
