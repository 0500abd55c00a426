import type { JsonObject, Value } from "@trunkline/core/driver";
import { encodeValue } from "@trunkline/core/driver";
import fc from "fast-check";
import { anyText } from "../wire/values.js";

/** An array of MessagePack with these members, the version included: as any writer may have it, valid or not. */
export function packedArray(members: readonly (Value | Buffer)[], wide = members.length > 15): Buffer {
  const head = wide
    ? Buffer.from([0xdc, members.length >> 8, members.length & 0xff])
    : Buffer.from([0x90 | members.length]);
  return Buffer.concat([head, ...members.map((one) => (Buffer.isBuffer(one) ? one : Buffer.from(encodeValue(one))))]);
}

/** A number as float 64, whatever it is. */
export function float(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** Arrays in arrays, `depth` of them, as bytes: deeper than any writer of ours would make them. */
export function nestedBytes(depth: number): Buffer {
  return Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
}

/** A value of D2, bytes, bigints and dates included. */
export function anyValue(): fc.Arbitrary<Value> {
  const leaf: fc.Arbitrary<Value> = fc.oneof(
    anyText(80),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.uint8Array({ maxLength: 40 }),
    fc.date({ noInvalidDate: true }),
  );
  return fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.array(fc.tuple(anyKey(), tie("value")), { maxLength: 5 }).map(Object.fromEntries<Value>),
    ),
  })).value;
}

export function anyObject(): fc.Arbitrary<JsonObject> {
  return fc.array(fc.tuple(anyKey(), anyValue()), { maxLength: 5 }).map(Object.fromEntries<Value>);
}

function anyKey(): fc.Arbitrary<string> {
  return fc.oneof(anyText(), fc.constantFrom("__proto__", "constructor", "", "0", "traceparent"));
}

export function anyHeaders(): fc.Arbitrary<Record<string, string>> {
  return fc.array(fc.tuple(anyKey(), anyText()), { maxLength: 5 }).map(Object.fromEntries<string>);
}
