import { decodeValue, MessageTooLargeError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Packer } from "../../../src/wire/packed/packer.js";
import { anyValue } from "../../support/packed-bodies.js";

const packerOf = (maxMessageBytes: number): Packer => new Packer({ maxMessageBytes, driver: "rabbit" });

test("any number of bodies keep what was written to each, across slabs", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          anyValue(),
          fc.nat(70_000).map((size) => "x".repeat(size)),
        ),
        { maxLength: 30 },
      ),
      (values) => {
        const packer = packerOf(1 << 20);
        const bodies = values.map((value) => packer.pack((writer) => writer.value(value)));
        expect(bodies.map((body) => decodeValue(body))).toEqual(values);
      },
    ),
    { numRuns: 50 },
  );
});

describe("the size limit (D4)", () => {
  test.each([256, 1_000, 70_000])("%i bytes fit, and one more does not", (most) => {
    const packer = packerOf(most);
    // Up to 255 bytes the head of `bin` has two bytes, up to 65 535 three, else five.
    const head = most - 2 <= 255 ? 2 : most - 3 <= 65_535 ? 3 : 5;
    expect(packer.pack((writer) => writer.value(new Uint8Array(most - head)))).toHaveLength(most);
    expect(() => packer.pack((writer) => writer.value(new Uint8Array(most - head + 1)))).toThrow(
      expect.objectContaining({ name: "MessageTooLargeError", maxMessageBytes: most }),
    );
  });

  test("it is found in the middle of writing, before memory is taken for more", () => {
    const packer = packerOf(1_000);
    let written = 0;
    const write = (): Buffer =>
      packer.pack((writer) => {
        for (; written < 1_000_000; written++) writer.value("some text of a hundred bytes ".repeat(3));
      });
    expect(write).toThrow(MessageTooLargeError);
    // Within the first slab nothing needs to be asked for.
    expect(written).toBeLessThan(1_000);
  });
});

test("what fails leaves nothing behind", () => {
  const packer = packerOf(1_000);
  const before = packer.pack((writer) => writer.value("before"));
  expect(() =>
    packer.pack((writer) => {
      writer.value("half");
      throw new TypeError("a getter");
    }),
  ).toThrow(new TypeError("a getter"));
  expect(() => packer.pack((writer) => writer.value("x".repeat(2_000)))).toThrow(MessageTooLargeError);
  expect(() => packer.pack((writer) => writer.value(Symbol("no value") as never))).toThrow();
  const after = packer.pack((writer) => writer.value("after"));
  expect([decodeValue(before), decodeValue(after)]).toEqual(["before", "after"]);
});
