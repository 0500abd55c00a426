import { isDeepStrictEqual } from "node:util";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MessageTooLargeError, NotSupportedError, SerializationError } from "../../src/errors.js";
import { decodeValue, MalformedError, ValueReader } from "../../src/kit/value-reader.js";
import { encodeValue, ValueWriter } from "../../src/kit/value-writer.js";
import { anyValue, ownObject } from "./values.js";

const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value));
/** The test runner's own equality is led astray by members named `constructor` and `__proto__`. */
const expectSame = (actual: unknown, expected: unknown): void => {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
};
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

describe("values survive", () => {
  test("any value of D2 arrives as it was", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        expectSame(roundTrip(value), value);
      }),
      { numRuns: 1000 },
    );
  });

  test("one reader and one writer serve many records, and skip ends where value ends", () => {
    const reader = new ValueReader();
    fc.assert(
      fc.property(fc.array(anyValue(), { maxLength: 6 }), fc.integer({ min: 1, max: 64 }), (values, slack) => {
        // A slab that is too small each time: the record moves to the front of a new one.
        let start = 3;
        const writer = new ValueWriter({
          onFull(full, needed) {
            const written = full.position - start;
            const slab = Buffer.alloc(written + needed + slack, 0xc1);
            full.bytes.copy(slab, 0, start, full.position);
            full.bytes = slab;
            full.position = written;
            start = 0;
          },
        });
        for (const value of values) {
          writer.bytes = Buffer.alloc(start + slack, 0xc1);
          start = 3 % (slack + 1);
          writer.position = start;
          writer.value(value);
          writer.text("end");
          reader.reset(writer.bytes, start, writer.position);
          expectSame(reader.value(), value);
          const after = reader.position;
          expect(reader.text()).toBe("end");
          reader.reset(writer.bytes, start, writer.position);
          reader.skip();
          expect(reader.position).toBe(after);
          start = 3;
        }
      }),
    );
  });

  test("numbers keep their sign and their last bit", () => {
    for (const value of [-0, 0, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, 5e-324, 1.7976931348623157e308, 0.1]) {
      expect(Object.is(roundTrip(value), value)).toBe(true);
    }
  });

  test("undefined vanishes from objects and is null elsewhere", () => {
    expect(roundTrip(undefined)).toBe(null);
    expect(roundTrip([undefined, 1])).toStrictEqual([null, 1]);
    expect(roundTrip(new Array(2))).toStrictEqual([null, null]);
    expect(roundTrip({ a: undefined, b: 1, c: { d: undefined } })).toStrictEqual({ b: 1, c: {} });
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i % 3 === 0 ? undefined : i]));
    expect(Object.keys(roundTrip(wide) as object)).toHaveLength(46_666);
  });

  test("what is not data of its own is passed over", () => {
    const object = { a: 1, [Symbol("s")]: 2 };
    Object.defineProperty(object, "hidden", { value: 3, enumerable: false });
    expect(roundTrip(object)).toStrictEqual({ a: 1 });
    expect(roundTrip(Object.assign([1], { extra: 2 }))).toStrictEqual([1]);
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
  });

  test("a getter is read once", () => {
    let reads = 0;
    const value = {
      get a() {
        return ++reads;
      },
    };
    expect(roundTrip(value)).toStrictEqual({ a: 1 });
    expect(reads).toBe(1);
  });

  test("__proto__ is a key like any other and pollutes nothing", () => {
    const value = ownObject([
      ["__proto__", { polluted: 1 }],
      ["a", 1],
    ]);
    const back = roundTrip(value) as object;
    expect(back).toStrictEqual(value);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });

  test("values of another realm are values", () => {
    const value: unknown = runInNewContext("({ a: [1, { b: 2 }], d: new Date(5), bytes: new Uint8Array([1, 2]) })");
    expect(roundTrip(value)).toStrictEqual({ a: [1, { b: 2 }], d: new Date(5), bytes: new Uint8Array([1, 2]) });
  });

  test("1 000 levels travel, one more does not", () => {
    expect(roundTrip(nested(1000))).toStrictEqual(nested(1000));
    expect(() => encodeValue(nested(1001))).toThrow(/nested more than 1000 deep/);
  });

  test("bytes are copied out: a Buffer arrives as a Uint8Array of its own", () => {
    const encoded = encodeValue(Buffer.from("abc"));
    const back = decodeValue(encoded) as Uint8Array;
    expect(back.constructor).toBe(Uint8Array);
    encoded.fill(0);
    expect(Buffer.from(back).toString()).toBe("abc");
    expect(back.buffer.byteLength).toBe(3);
  });

  test("strings of every length about each width, plain and not, wherever the other character is", () => {
    for (let length = 0; length < 300; length++) {
      const plain = "x".repeat(length);
      const values = [plain, `${plain}é`, `é${plain}`, `${plain}日`, `${plain}😀`, { [plain]: 1, [`${plain}é`]: 2 }];
      expectSame(roundTrip(values), values);
    }
    for (const length of [21_843, 21_844, 21_845, 21_846, 65_535, 65_536]) {
      expectSame(roundTrip("x".repeat(length)), "x".repeat(length));
      expectSame(roundTrip("日".repeat(length)), "日".repeat(length));
    }
  });

  test.each([255, 256, 300, 8_191, 8_192, 21_845, 65_534, 65_535, 65_536, 65_537, 100_000])(
    "a string of %i characters, of which one may be no ASCII",
    (length) => {
      expectSame(roundTrip("x".repeat(length)), "x".repeat(length));
      for (const character of ["\u0000", "\u007f", "\u0080", "é", "日", "\ufffd", "😀"]) {
        for (const before of [0, 1, length - character.length - 1, length - character.length]) {
          const text = `${"x".repeat(before)}${character}${"x".repeat(length - character.length - before)}`;
          expectSame(roundTrip([text, 1]), [text, 1]);
        }
      }
    },
  );

  test("large things", () => {
    const value = {
      text: "é".repeat(70_000),
      ascii: "x".repeat(2 ** 20),
      bytes: new Uint8Array(70_000).fill(7),
      big: -(2n ** 5000n),
    };
    expectSame(roundTrip(value), value);
  });

  test("dates at both ends of time", () => {
    for (const time of [0, -1, 1, 999, 1_700_000_000_123, -8.64e15, 8.64e15, 2 ** 34 * 1000, 2 ** 34 * 1000 - 1]) {
      expect(roundTrip(new Date(time))).toStrictEqual(new Date(time));
    }
  });

  test("standard MessagePack bytes", () => {
    expect(encodeValue({ a: [1, -1, "x", true, null] }).toString("hex")).toBe("81a1619501ffa178c3c0");
    expect(encodeValue(new Date(1_700_000_000_123)).toString("hex")).toBe("d7ff1d5353006553f100");
    expect(encodeValue(1.5).toString("hex")).toBe("cb3ff8000000000000");
    expect(encodeValue(-256n).toString("hex")).toBe("c70301010100");
  });
});

describe("what cannot travel is refused by its path", () => {
  class Disk {
    size = 1;
  }
  const cycle: Record<string, unknown> = { a: [1] };
  cycle["self"] = { again: cycle };
  const cases: readonly (readonly [string, unknown, string, RegExp])[] = [
    ["NaN", { disks: [{}, {}, { size: Number.NaN }] }, "params.disks[2].size", /NaN cannot travel/],
    ["Infinity", [Number.POSITIVE_INFINITY], "params[0]", /Infinity cannot travel/],
    ["a Map", { m: new Map() }, "params.m", /an instance of Map/],
    ["a Set", new Set(), "params", /an instance of Set/],
    ["a class", { d: new Disk() }, "params.d", /an instance of Disk/],
    ["a function", { toJSON: () => 1 }, "params.toJSON", /a function/],
    ["a symbol", [Symbol("s")], "params[0]", /a symbol/],
    ["an Error", { e: new Error("x") }, "params.e", /an instance of Error/],
    ["a boxed string", { e: new String("x") }, "params.e", /an instance of String/],
    ["a Float64Array", { f: new Float64Array(1) }, "params.f", /an instance of Float64Array/],
    ["an ArrayBuffer", { f: new ArrayBuffer(1) }, "params.f", /an instance of ArrayBuffer/],
    ["an array's subclass", { f: new (class Rows extends Array {})() }, "params.f", /an array of class Rows/],
    ["a Date's subclass", { f: new (class Day extends Date {})() }, "params.f", /an instance of Day/],
    ["a lone surrogate", { s: "a\ud800" }, "params.s", /lone surrogate.*toWellFormed/],
    ["a long lone surrogate", { s: `${"x".repeat(100)}\udc00` }, "params.s", /lone surrogate/],
    ["a key with one", { "a\ud800": 1 }, 'params["a\\ud800"]', /as a key, a string with a lone surrogate/],
    ["an invalid Date", { "at all": new Date(Number.NaN) }, 'params["at all"]', /invalid Date/],
    ["a cycle", { x: cycle }, "params.x.self.again", /a cycle cannot travel: this is params\.x again/],
  ];
  test.each(cases)("%s", (_name, value, path, message) => {
    const write = (): Buffer => encodeValue(value, { root: "params" });
    expect(write).toThrow(message);
    expect(write).toThrow(SerializationError);
    expect(write).toThrow(expect.objectContaining({ path, code: "ERR_SERIALIZATION" }));
  });

  test("a getter that throws is named, and its error is the cause", () => {
    const cause = new RangeError("no");
    const value = {
      get a(): number {
        throw cause;
      },
    };
    expect(() => encodeValue(value)).toThrow(expect.objectContaining({ path: "value.a", cause }));
  });

  test("a value that changes while it is read is refused all the same", () => {
    let reads = 0;
    const value = {
      get a(): unknown {
        return reads++ === 0 ? Number.NaN : 1;
      },
    };
    expect(() => encodeValue(value)).toThrow(SerializationError);
  });

  test("a cycle is told as one even where the buffer fills first; a value that is only large is not", () => {
    const write = (value: unknown): void => {
      const writer = new ValueWriter({
        onFull() {
          throw new MessageTooLargeError("too large", 100);
        },
      });
      writer.bytes = Buffer.alloc(100);
      writer.value(value);
    };
    expect(() => write(cycle)).toThrow(/cycle/);
    expect(() => write("x".repeat(101))).toThrow(MessageTooLargeError);
  });

  test.each([
    ["binary", Buffer.alloc(1)],
    ["bigint", 1n],
    ["date", new Date(0)],
  ])("%s where it is not claimed", (capability, value) => {
    const write = (): Buffer => encodeValue({ a: value }, { [capability]: false, driver: "rabbit" });
    expect(write).toThrow(NotSupportedError);
    expect(write).toThrow(expect.objectContaining({ capability, driver: "rabbit" }));
    expect(write).toThrow(/^value\.a: /);
  });

  test("an onFull that leaves no room is found out", () => {
    const writer = new ValueWriter({ onFull: () => undefined });
    expect(() => writer.u8(1)).toThrow(/onFull must leave 1/);
  });
});

describe("names, bytes and numbers of records", () => {
  const written = (write: (writer: ValueWriter) => void): ValueReader => {
    const writer = new ValueWriter({
      onFull(full, needed) {
        const bytes = Buffer.alloc(full.position + needed);
        full.bytes.copy(bytes, 0, 0, full.position);
        full.bytes = bytes;
      },
    });
    write(writer);
    const reader = new ValueReader();
    reader.reset(writer.bytes, 0, writer.position);
    return reader;
  };

  test("varint, u8, text and raw come back and end where they began", () => {
    const part = fc.oneof(
      fc.record({ kind: fc.constant("varint" as const), value: fc.maxSafeNat() }),
      fc.record({
        kind: fc.constant("varint" as const),
        value: fc.constantFrom(0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 35, 2 ** 53 - 1),
      }),
      fc.record({ kind: fc.constant("u8" as const), value: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ kind: fc.constant("text" as const), value: fc.string({ unit: "binary", maxLength: 200 }) }),
      fc.record({ kind: fc.constant("raw" as const), value: fc.uint8Array() }),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const reader = written((writer) => {
          for (const { kind, value } of parts) (writer[kind] as (value: unknown) => void).call(writer, value);
        });
        for (const { kind, value } of parts) {
          if (kind === "raw") expect(reader.raw((value as Uint8Array).length)).toStrictEqual(value);
          else expect(reader[kind]()).toBe(value);
        }
        expect(reader.position).toBe(reader.end);
      }),
    );
  });

  test("a text with a lone surrogate is refused", () => {
    expect(() => written((writer) => writer.text("a\ud800"))).toThrow(SerializationError);
  });

  test("a varint that never ends or is too large is malformed", () => {
    const reader = new ValueReader();
    for (const bytes of ["", "80", "ffffffffffffffffff01", "ffffffffffffff7f", "8080808080808080"]) {
      reader.reset(hex(bytes));
      expect(() => reader.varint(), bytes).toThrow(MalformedError);
    }
    reader.reset(hex("ffffffffffffff0f"));
    expect(reader.varint()).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe("hostile bytes", () => {
  const refuses = (bytes: Uint8Array): void => {
    expect(() => decodeValue(bytes), Buffer.from(bytes).toString("hex").slice(0, 80)).toThrow(MalformedError);
  };

  test("no bytes throw anything but MalformedError, and skip agrees with value on where it ends", () => {
    const reader = new ValueReader();
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.uint8Array({ minLength: 100, maxLength: 2000 }),
      // Real values with bytes overwritten reach deeper than noise does.
      fc
        .tuple(
          anyValue(),
          fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        )
        .map(([value, changes]) => {
          const bytes = Buffer.from(encodeValue(value));
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          return bytes;
        }),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        reader.reset(bytes);
        let stop: number | undefined;
        try {
          const value = reader.value();
          stop = reader.position;
          expect(stop).toBeLessThanOrEqual(bytes.length);
          // Whatever is taken is a value of D2, so it may be sent on.
          expectSame(roundTrip(value), value);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
        if (stop === undefined) return;
        reader.reset(bytes);
        reader.skip();
        expect(reader.position).toBe(stop);
      }),
      { numRuns: 3000 },
    );
  });

  test("skip too throws nothing else", () => {
    const reader = new ValueReader();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        reader.reset(bytes);
        try {
          reader.skip();
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("every truncation of a value is malformed", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const bytes = encodeValue(value);
        for (let length = 0; length < Math.min(bytes.length, 200); length++) refuses(bytes.subarray(0, length));
      }),
      { numRuns: 100 },
    );
  });

  test("reading stops at the end it was given, not at the buffer's", () => {
    const bytes = encodeValue(["abcdef"]);
    const reader = new ValueReader();
    reader.reset(bytes, 0, bytes.length - 1);
    expect(() => reader.value()).toThrow(MalformedError);
    reader.reset(bytes, 5, 1e9);
    expect(reader.end).toBe(bytes.length);
  });

  test.each([
    ["never used type", "c1"],
    ["array32 of 2^32-1", "ddffffffff"],
    ["array32 of 2e7", "dd01312d00 0101"],
    ["map32 of 2^32-1", "dfffffffff a16101"],
    ["str32 of 2^32-1", "dbffffffff 61"],
    ["str16 of 65535", "daffff 6161"],
    ["bin32 of 2^32-1", "c6ffffffff 61"],
    ["ext32 of 2^32-1", "c9ffffffff 01 00"],
    ["an integer key", "8101a178"],
    ["a map as key", "818001"],
    ["a nil key", "81c001"],
    ["a record definition", "d47240"],
    ["a pointer extension", "d67000000001"],
    ["an error extension", "c7036593c0c0"],
    ["an unknown extension", "d40500"],
    ["NaN", "cb7ff8000000000000"],
    ["Infinity as float 32", "ca7f800000"],
    ["an integer over 2^53-1", "cfffffffffffffffff"],
    ["a negative one", "d38000000000000000"],
    ["bytes that are not UTF-8", "a3ff fe fd"],
    ["long bytes that are not UTF-8", `d920${"61".repeat(31)}ff`],
    ["an encoded lone surrogate", "a3eda080"],
    ["an overlong character", "a2c080"],
    ["very long bytes that are not UTF-8", `da2000${"61".repeat(8_191)}ff`],
    ["a key that is not UTF-8", "81a1ff01"],
    ["a bigint without sign", "c70001"],
    ["a bigint of sign 2", "c702010201"],
    ["a bigint with a leading zero", "c70301000001"],
    ["minus zero", "d40101"],
    ["a timestamp of five bytes", "c705ff0000000000"],
    ["a timestamp in nanoseconds", "d7ff0000000400000000"],
    ["a timestamp over a second", "c70cff3b9aca000000000000000000"],
    ["a timestamp past the end of time", "c70cff000000007fffffffffffffff"],
    ["two values", "0101"],
    ["nothing", ""],
  ])("%s", (_name, bytes) => {
    refuses(hex(bytes));
  });

  test.each([5_000, 100_000, 10_000_000])("%i nested arrays and maps", (depth) => {
    refuses(Buffer.alloc(depth, 0x91));
    refuses(Buffer.concat(Array.from({ length: Math.min(depth, 100_000) }, () => hex("81a161"))));
    const reader = new ValueReader();
    reader.reset(Buffer.alloc(depth, 0x91));
    expect(() => reader.skip()).toThrow(MalformedError);
  });

  test("nested counts that promise the rest of the buffer reserve no memory", () => {
    const promise = hex("dd00ffff00");
    const bytes = Buffer.alloc(0xffff00 + 5000, 0xc0);
    for (let i = 0; i < 1000; i++) promise.copy(bytes, i * promise.length);
    const before = process.memoryUsage().heapTotal;
    refuses(bytes.subarray(0, bytes.length - 1));
    expect(process.memoryUsage().heapTotal - before).toBeLessThan(600 * 2 ** 20);
  });

  test("U+FFFD itself may be sent", () => {
    expect(roundTrip(`\ufffd${"x".repeat(60)}`)).toBe(`\ufffd${"x".repeat(60)}`);
  });

  test("other encoders' wider forms are read", () => {
    expect(decodeValue(hex("de0001 d90161 cf0000000000000005"))).toStrictEqual({ a: 5 });
    expect(decodeValue(hex("ca3fc00000"))).toBe(1.5);
    expect(decodeValue(hex("d6ff00000001"))).toStrictEqual(new Date(1000));
    expect(decodeValue(hex("dd00000001 d3ffffffffffffffff"))).toStrictEqual([-1]);
  });

  test("keys learnt from one peer's noise change nothing for what follows", () => {
    const reader = new ValueReader();
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 12 }), { maxLength: 50 }), (keys) => {
        const value = ownObject(keys.map((key, i) => [key, i]));
        reader.reset(encodeValue(value));
        expectSame(reader.value(), value);
      }),
      { numRuns: 300 },
    );
  });
});
