import { MalformedError, ValueReader, ValueWriter } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  arrayHead,
  endMembers,
  isObject,
  readHeaders,
  readMembers,
  readNumber,
  readObject,
  readOptionalNumber,
  readOptionalText,
  readText,
  writeFixedArray,
  writeFloat,
} from "../../../src/wire/packed/fields.js";
import { packedArray } from "../../support/packed-bodies.js";

/** A reader of one value. */
function readerOf(value: Parameters<typeof packedArray>[0][number]): ValueReader {
  const reader = new ValueReader();
  reader.reset(packedArray([value]), 1);
  return reader;
}

const VALUES = {
  text: "x",
  number: 1,
  nil: null,
  flag: true,
  list: [],
  object: {},
  bytes: new Uint8Array(1),
  date: new Date(0),
  bigint: 1n,
};

describe("a message is an array that begins with the version", () => {
  test("of up to 15 members, and of up to 65 535", () => {
    const writer = new ValueWriter({
      onFull(full) {
        full.bytes = Buffer.alloc(100);
      },
    });
    writeFixedArray(writer, 13);
    expect([...writer.bytes.subarray(0, writer.position)]).toEqual([0x9d, 1]);
    expect([...arrayHead(3001)]).toEqual([0xdc, 0x0b, 0xb9, 1]);
    expect(readMembers(packedArray([1, "a", "b"], false), 2).count).toBe(2);
    expect(readMembers(packedArray([1, "a", "b"], true), 2).count).toBe(2);
    const many = [1, ...Array.from({ length: 300 }, (_, index) => index)];
    expect(readMembers(packedArray(many), 300).count).toBe(300);
  });

  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["a map", Buffer.from([0x81, 0x01, 0x01])],
    ["a string", Buffer.from([0xa1, 0x61])],
    ["an array of 2^32 members, which no message needs", Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1])],
    ["an array without members", Buffer.from([0x90])],
    ["a wide array without members", Buffer.from([0xdc, 0, 0])],
    ["a head that is cut off", Buffer.from([0xdc, 0])],
    ["an array whose first member is missing", Buffer.from([0x93])],
    ["an array of too few members", packedArray([1, "a"])],
  ])("%s is malformed", (_, body) => {
    expect(() => readMembers(body, 2)).toThrow(MalformedError);
  });

  test("another version is named, and the one that is read", () => {
    expect(() => readMembers(packedArray([2, "a", "b"]), 2)).toThrow("a message of version 2; this driver reads 1");
  });

  test("members of a later edition are passed over, and bytes behind the array refused", () => {
    const members = readMembers(packedArray([1, "a", { b: [1] }, "c"]), 1);
    expect(readText(members.reader, "a")).toBe("a");
    expect(() => endMembers(members, 1)).not.toThrow();
    const more = readMembers(Buffer.concat([packedArray([1, "a"]), Buffer.from([0])]), 1);
    readText(more.reader, "a");
    expect(() => endMembers(more, 1)).toThrow("more than one message in a body");
    const cut = readMembers(packedArray([1, "a", "later"]).subarray(0, -1), 1);
    readText(cut.reader, "a");
    expect(() => endMembers(cut, 1)).toThrow(MalformedError);
  });
});

test("a number of nine bytes, whatever it is", () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      const writer = new ValueWriter({
        onFull(full) {
          full.bytes = Buffer.alloc(9);
        },
      });
      writeFloat(writer, value);
      expect(writer.position).toBe(9);
      expect(writer.bytes[0]).toBe(0xcb);
      expect(writer.bytes.readDoubleBE(1)).toBe(value);
    }),
  );
});

describe("a member of another kind is named", () => {
  const kinds: [string, (reader: ValueReader, what: string) => unknown, readonly (keyof typeof VALUES)[]][] = [
    ["a string", readText, ["text"]],
    ["a string or null", readOptionalText, ["text", "nil"]],
    ["a number", readNumber, ["number"]],
    ["a number or null", readOptionalNumber, ["number", "nil"]],
    ["an object", readObject, ["object"]],
  ];
  test.each(kinds)("%s", (wanted, read, taken) => {
    for (const [kind, value] of Object.entries(VALUES)) {
      const readIt = (): unknown => read(readerOf(value), "member");
      if (taken.some((one) => one === kind)) expect(readIt(), kind).toEqual(value === null ? undefined : value);
      else expect(readIt, kind).toThrow(new RegExp(`^"member" must be ${wanted} at byte`));
    }
  });

  test("headers are an object of strings", () => {
    expect(readHeaders(readerOf({ a: "b" }))).toEqual({ a: "b" });
    for (const value of [1, null, {}, [], true, 1n, new Uint8Array(1)]) {
      expect(() => readHeaders(readerOf({ a: "b", c: value }))).toThrow('"headers" must be strings');
    }
    expect(() => readHeaders(readerOf(["a"]))).toThrow('"headers" must be an object');
  });

  test("only a map is an object", () => {
    const objects = Object.entries(VALUES).filter(([, value]) => isObject(value));
    expect(objects.map(([kind]) => kind)).toEqual(["object"]);
  });
});
