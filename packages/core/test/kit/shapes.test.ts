import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeValue, encodeValue, SerializationError, type Value, ValueWriter } from "../../src/driver.js";
import { MalformedError, ValueReader } from "../../src/kit/value-reader.js";
import {
  MAX_SHAPE_BYTES,
  MAX_SHAPE_KEYS,
  MAX_SHAPES,
  ReceivedShapes,
  SentShapes,
  savedBytes,
} from "../../src/kit/value-shapes.js";
import { anyValue, ownObject } from "./values.js";

const expectSame = (actual: unknown, expected: unknown): void => {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
};

/** Both ends of one ordered connection: what is due is announced between two values. */
class Wire {
  readonly sent: SentShapes = new SentShapes();
  readonly received: ReceivedShapes = new ReceivedShapes(Number.POSITIVE_INFINITY);
  readonly writer: ValueWriter;
  readonly #reader: ValueReader = new ValueReader();

  constructor() {
    this.writer = new ValueWriter({
      onFull(full, needed) {
        const grown = Buffer.alloc(full.position + needed + 3);
        full.bytes.copy(grown, 0, 0, full.position);
        full.bytes = grown;
      },
    });
    this.writer.shapes = this.sent;
    this.#reader.shapes = this.received;
  }

  /** The bytes of the value, behind what had to be announced before it. */
  write(value: unknown): Buffer {
    for (const keys of this.sent.take()) this.received.add(keys, 0);
    this.writer.bytes = Buffer.alloc(0);
    this.writer.position = 0;
    this.writer.savedBytes = 0;
    this.writer.value(value);
    return this.writer.bytes.subarray(0, this.writer.position);
  }

  read(bytes: Buffer): unknown {
    this.#reader.reset(bytes);
    const value = this.#reader.value();
    expect(this.#reader.position).toBe(bytes.length);
    this.#reader.reset(bytes);
    this.#reader.skip();
    expect(this.#reader.position).toBe(bytes.length);
    return value;
  }

  /** Until its shapes are announced. */
  teach(...values: readonly unknown[]): this {
    for (let i = 0; i < 3; i++) for (const value of values) this.write(value);
    this.write(null);
    return this;
  }
}

describe("what goes by shapes", () => {
  // Few keys, so that lists of them come again; members that are undefined among them.
  const key = fc.constantFrom(
    "id",
    "name",
    "0",
    "1",
    "",
    "__proto__",
    "constructor",
    "toString",
    "é",
    "k".repeat(40),
    "\ud800x",
  );
  const row = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(undefined, 1, "text", -0, 3n),
      anyValue(),
      fc.array(tie("value"), { maxLength: 4 }),
      fc
        .array(
          fc.tuple(
            key.filter((one) => one.isWellFormed()),
            tie("value"),
          ),
          { maxLength: 5 },
        )
        .map(ownObject),
    ),
  })).value;

  test("any sequence of values, each several times, arrives as in the plain form", () => {
    let shaped = 0;
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), fc.integer({ min: 1, max: 6 }), (values, times) => {
        const wire = new Wire();
        for (let i = 0; i < times; i++) {
          for (const value of values) expectSame(wire.read(wire.write(value)), decodeValue(encodeValue(value)));
        }
        shaped += wire.sent.size;
      }),
      { numRuns: 500 },
    );
    expect(shaped).toBeGreaterThan(500);
  });

  test("the plain form's size is told, whatever was saved", () => {
    const short = fc.constantFrom(undefined, 1, 1.5, "text", null, true, new Date(0), 7n);
    const ascii = key.filter((one) => /^[ -~]*$/.test(one));
    const table = fc.array(
      fc.array(fc.tuple(ascii, fc.oneof(short, fc.array(short))), { maxLength: 24 }).map(ownObject),
    );
    fc.assert(
      fc.property(table, (values) => {
        const wire = new Wire().teach(...values);
        for (const value of values) {
          expect(wire.write(value).length + wire.writer.savedBytes).toBe(encodeValue(value).length);
        }
      }),
      { numRuns: 300 },
    );
    const value = { id: 1, name: "x", absent: undefined };
    const wire = new Wire().teach(value);
    const bytes = wire.write(value);
    expect(bytes.toString("hex")).toBe("c10101a178c100");
    expect(bytes.length + wire.writer.savedBytes).toBe(encodeValue(value).length);
  });

  test("keys that came three times go by a number, in their order and no other", () => {
    const wire = new Wire();
    for (let i = 0; i < 3; i++) expect(wire.write({ a: i, b: 0 })[0]).toBe(0x82);
    expect(wire.write({ a: 3, b: 0 }).toString("hex")).toBe("c1010300");
    expect(wire.write({ b: 0, a: 3 })[0]).toBe(0x82);
    expect(Object.keys(wire.read(wire.write({ a: 3, b: 0 })) as object)).toEqual(["a", "b"]);
  });

  test("a member that vanishes while its object is written is not there", () => {
    const wire = new Wire().teach({ a: 1, b: 2, c: 3 });
    const changing = (): object => ({
      get a() {
        delete (this as { b?: number }).b;
        return 1;
      },
      b: 2,
      c: 3,
    });
    const bytes = wire.write(changing());
    expect(bytes[0]).toBe(0xc1);
    expectSame(wire.read(bytes), decodeValue(encodeValue(changing())));
  });

  test("a proxy whose keys change has those that it had at first", () => {
    const wire = new Wire().teach({ a: 1, b: 2 });
    let asked = 0;
    const proxy = new Proxy<Record<string, number>>(
      { a: 1, b: 2, x: 9 },
      {
        ownKeys: () => (asked++ === 0 ? ["a", "b"] : ["x", "b"]),
      },
    );
    expectSame(wire.read(wire.write(proxy)), { a: 1, b: 2 });
  });

  test("what cannot travel is refused by its path, and the next value goes by its shape all the same", () => {
    const wire = new Wire().teach({ a: { b: 1 } });
    expect(() => wire.write({ a: { b: () => 1 } })).toThrow(SerializationError);
    expect(() => wire.write({ a: { b: () => 1 } })).toThrow("value.a.b");
    expect(wire.write({ a: { b: 1 } }).toString("hex")).toBe("c101c10201");
  });

  test("nesting ends where it ends in the plain form", () => {
    const nested = (depth: number): object => {
      let value: object = {};
      for (let i = 1; i < depth; i++) value = { a: value };
      return value;
    };
    const wire = new Wire().teach(nested(3));
    expectSame(wire.read(wire.write(nested(1_000))), nested(1_000));
    expect(() => wire.write(nested(1_001))).toThrow("nested more than 1000 deep");
  });
});

describe("a sender's table", () => {
  const learn = (sent: SentShapes, keys: readonly string[]): void => {
    for (let i = 0; i < 3; i++) sent.find(Object.keys(Object.fromEntries(keys.map((key) => [key, 0]))));
  };

  test("holds so many shapes and no more, and never more keys than its peer takes", () => {
    const wire = new Wire();
    for (let i = 0; i < MAX_SHAPES + 50; i++) wire.teach({ [`k${i}`]: 1, x: 2 }, { [`q${i}`]: 1 });
    expect([wire.sent.size, wire.received.size]).toEqual([MAX_SHAPES, MAX_SHAPES]);
    expectSame(wire.read(wire.write({ k0: 1, x: 2 })), { k0: 1, x: 2 });
    const long = new Wire();
    for (let i = 0; i < 100; i++) long.teach({ [`${"é".repeat(1_000)}${i}`]: 1 });
    expect(long.sent.size).toBe(Math.floor(MAX_SHAPE_BYTES / 2_002));
  });

  test("leaves alone what is no shape", () => {
    const sent = new SentShapes();
    learn(sent, ["a", "b".repeat(1_024)]);
    sent.find(["__proto__"]);
    sent.find(["__proto__"]);
    sent.find(["__proto__"]);
    learn(sent, ["\ud800"]);
    expect(sent.isDue).toBe(false);
    const wire = new Wire().teach(
      Object.fromEntries(Array.from({ length: MAX_SHAPE_KEYS + 1 }, (_, i) => [`k${i}`, 0])),
      {},
    );
    expect(wire.sent.size).toBe(0);
  });

  test("learns on after many keys that came once, until there were too many of them", () => {
    const sent = new SentShapes();
    const noise = (from: number, to: number): void => {
      for (let i = from; i < to; i++) sent.find([`once${i}`]);
    };
    noise(0, 3_000);
    learn(sent, ["a"]);
    expect(sent.take()).toEqual([["a"]]);
    noise(3_000, 20_000);
    learn(sent, ["b"]);
    expect(sent.isDue).toBe(false);
    expect(sent.find(["a"])?.id).toBe(1);
  });

  test("announces nothing twice, however many end alike", () => {
    const wire = new Wire();
    // The peer's table refuses what it knows.
    const write = (...kinds: readonly (number | string)[]): void => {
      for (const kind of kinds) wire.write({ [`k${kind}`]: 1, end: 2 });
    };
    for (let kind = 0; kind < 15; kind++) write(kind, kind, kind);
    // X makes room for Y while it is what follows 0, and comes again behind 0 and behind others.
    write(0, "X", 1, "Y", 0, "X", 0, "X", 2, "X", 3, "X", 4, "X", 5, "X", 0, "X", 0, "X", 0, "X", 0);
    expect(wire.sent.size).toBe(16);
  });

  test("learns what comes often among many that end alike", () => {
    const sent = new SentShapes();
    for (let i = 0; i < 100; i++) {
      sent.find([`once${i}`, "end"]);
      sent.find(["often", "end"]);
      sent.take();
    }
    expect(sent.find(["often", "end"])?.id).toBe(1);
  });
});

describe("hostile shapes", () => {
  const taking = (...shapes: readonly (readonly string[])[]) => {
    const received = new ReceivedShapes(Number.POSITIVE_INFINITY);
    for (const keys of shapes) received.add(keys, 7);
    return received;
  };

  test.each<[string, readonly (readonly string[])[]]>([
    ["no key", [[]]],
    ["too many keys", [Array.from({ length: MAX_SHAPE_KEYS + 1 }, (_, i) => `k${i}`)]],
    ["a key twice", [["a", "b", "a"]]],
    ["__proto__", [["a", "__proto__"]]],
    ["a shape twice", [["a"], ["b"], ["a"]]],
    ["too many shapes", Array.from({ length: MAX_SHAPES + 1 }, (_, i) => [`k${i}`])],
    ["too many bytes", [["é".repeat(MAX_SHAPE_BYTES / 2)], ["a"]]],
  ])("%s is malformed", (_what, shapes) => {
    taking(...shapes.slice(0, -1));
    expect(() => taking(...shapes)).toThrow(MalformedError);
  });

  test("a record whose shapes stand for more than is allowed is malformed; the next begins anew", () => {
    const received = new ReceivedShapes(3_000);
    received.add(["k".repeat(990)], 7);
    const reader = new ValueReader();
    reader.shapes = received;
    const objects = (count: number): Value => {
      reader.reset(Buffer.from(`9${count}${"c101c0".repeat(count)}`, "hex"));
      received.begin();
      return reader.value();
    };
    expect(objects(3)).toHaveLength(3);
    expect(() => objects(4)).toThrow(MalformedError);
    expect(objects(3)).toHaveLength(3);
  });

  test("a key counts as no less than what the writer makes of it, ASCII or not", () => {
    for (const key of ["é", "é0123456789", "é".repeat(40), "é".repeat(90)]) {
      const writer = new ValueWriter({ onFull: () => expect.unreachable() });
      writer.bytes = Buffer.alloc(1_000);
      writer.value({ [key]: 0 });
      expect(savedBytes(key)).toBe(writer.position - 2);
      expect(savedBytes(key)).toBeGreaterThanOrEqual(encodeValue({ [key]: 0 }).length - 2);
    }
  });

  test.each([
    ["an unknown number", "c10301"],
    ["number 0", "c100"],
    ["number 0 within an array", "91c100"],
    ["an endless number", "c1ffffffffffffffffff"],
    ["no number", "c1"],
    ["a value missing", "c10101"],
    ["an absence cut short", "c10101c1"],
    ["a shape of a shape that is none", "c10101c10701"],
  ])("%s is malformed, read or skipped", (_what, hex) => {
    for (const verb of ["value", "skip"] as const) {
      const reader = new ValueReader();
      reader.shapes = taking(["a", "b"]);
      reader.reset(Buffer.from(hex, "hex"));
      expect(() => reader[verb]()).toThrow(MalformedError);
    }
  });

  test("without a table nothing goes by a shape", () => {
    expect(() => decodeValue(Buffer.from("c10101", "hex"))).toThrow("unknown type 0xc1");
  });

  test("names that every object has are members like any other", () => {
    const reader = new ValueReader();
    reader.shapes = taking(["constructor", "toString", "hasOwnProperty", "valueOf", "prototype"]);
    reader.reset(Buffer.from("c1010102c10005c0", "hex"));
    const value = reader.value() as object;
    expectSame(value, { constructor: 1, toString: 2, valueOf: 5, prototype: null });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys({})).toEqual([]);
  });

  test("random bytes and changed bytes are a value or malformed, and nothing else", () => {
    const shapes = taking(["a"], ["a", "b"], ["constructor", "0", ""]);
    const check = (bytes: Uint8Array): void => {
      for (const verb of ["value", "skip"] as const) {
        const reader = new ValueReader();
        reader.shapes = shapes;
        reader.reset(bytes);
        try {
          reader[verb]();
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }
    };
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xc1, 0, 1, 2, 3, 4));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => check(Uint8Array.from(bytes))),
      { numRuns: 3_000 },
    );
  });

  test("shapes within shapes end at the depth of all nesting", () => {
    const reader = new ValueReader();
    reader.shapes = taking(["a"]);
    reader.reset(Buffer.from(`${"c101".repeat(1_001)}c0`, "hex"));
    expect(() => reader.value()).toThrow("nested more than 1000 deep");
    reader.reset(Buffer.from(`${"c101".repeat(1_001)}c0`, "hex"));
    expect(() => reader.skip()).toThrow("nested more than 1000 deep");
  });
});
