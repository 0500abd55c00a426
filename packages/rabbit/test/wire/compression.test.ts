import { deflateSync, gzipSync } from "node:zlib";
import { MalformedError, MessageTooLargeError } from "@trunkline/core/driver";
import fc from "fast-check";
import { expect, test } from "vitest";
import { COMPRESSION, COMPRESSION_HEADER, compressBody, inflateBody } from "../../src/wire/compression.js";

test("the header and the bytes are kombu's: a zlib stream under the name of gzip", () => {
  expect([COMPRESSION_HEADER, COMPRESSION]).toEqual(["compression", "application/x-gzip"]);
  expect(compressBody(Buffer.from("{}")).subarray(0, 2)).toEqual(Buffer.from([0x78, 0x9c]));
});

test("any body survives, whichever of its names it comes under", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom(COMPRESSION, "gzip", "zlib"), (bytes, compression) => {
      const body = Buffer.from(bytes);
      expect(inflateBody(compressBody(body), compression, 1000)).toEqual(body);
    }),
  );
});

test("bytes of Python's zlib.compress and a true gzip stream are read", () => {
  const python = Buffer.from("789cab56ca4d2dc9c84f51b25250ca8829353048b5ccc9c957aa0500631807da", "hex");
  expect(inflateBody(python, COMPRESSION, 1000).toString()).toBe(String.raw`{"method": "h\u00e9llo"}`);
  expect(inflateBody(gzipSync("{}"), COMPRESSION, 2).toString()).toBe("{}");
});

test("the limit counts what comes out, and is not overrun first", () => {
  const body = Buffer.alloc(8 << 20);
  const bomb = deflateSync(body);
  expect(inflateBody(bomb, COMPRESSION, body.length)).toHaveLength(body.length);
  for (const maxBytes of [1, 1000, body.length - 1]) {
    expect(() => inflateBody(bomb, COMPRESSION, maxBytes)).toThrow(MessageTooLargeError);
    expect(() => inflateBody(bomb, COMPRESSION, maxBytes)).toThrow(
      expect.objectContaining({ maxMessageBytes: maxBytes }),
    );
  }
});

test("another compression is named", () => {
  for (const compression of ["application/x-bz2", "application/zstd", "GZIP", "__proto__"]) {
    const read = (): Buffer => inflateBody(compressBody(Buffer.from("{}")), compression, 1000);
    expect(read).toThrow(MalformedError);
    expect(read).toThrow(compression);
  }
});

test("what is no whole stream is malformed", () => {
  const whole = compressBody(Buffer.from("a body of some length"));
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from("{}"),
    whole.subarray(0, -1),
    whole.subarray(1),
    gzipSync("{}").subarray(0, 9),
  ]) {
    expect(() => inflateBody(bytes, COMPRESSION, 1000)).toThrow(MalformedError);
  }
  fc.assert(
    fc.property(fc.uint8Array(), fc.boolean(), (bytes, hasHeader) => {
      try {
        inflateBody(Buffer.from(hasHeader ? [0x78, 0x9c, ...bytes] : bytes), COMPRESSION, 1000);
      } catch (error) {
        expect(error instanceof MalformedError || error instanceof MessageTooLargeError).toBe(true);
      }
    }),
  );
});
