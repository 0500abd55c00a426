import { MalformedError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Hello,
  PROTOCOL_VERSION,
  type Refusal,
  readAnswer,
  readHello,
  readRefuse,
  SESSION_BYTES,
  type Welcome,
  writeHello,
  writeRefuse,
  writeWelcome,
} from "../../src/wire/greeting.js";
import { readerOf, written } from "../support/bytes.js";

const text = fc.string({ unit: "binary", maxLength: 300 });
const session = fc.uint8Array({ minLength: SESSION_BYTES, maxLength: SESSION_BYTES });
const version = fc.nat(255);
const hello: fc.Arbitrary<Hello> = fc.record(
  {
    lowestVersion: version,
    highestVersion: version,
    features: fc.maxSafeNat(),
    maxMessageBytes: fc.maxSafeNat(),
    session,
    realm: text,
    incarnation: text,
    name: text,
  },
  { noNullPrototype: true },
);
const welcome: fc.Arbitrary<Welcome> = fc.record(
  {
    version,
    features: fc.maxSafeNat(),
    maxMessageBytes: fc.maxSafeNat(),
    session,
    incarnation: text,
    name: text,
    listeners: fc.maxSafeNat(),
  },
  { noNullPrototype: true },
);
const refusal: fc.Arbitrary<Refusal> = fc.record(
  { code: fc.constantFrom("version", "realm", "incarnation", "auth", "protocol", "closing"), text },
  { noNullPrototype: true },
);

const bytesOfHello = (value: Hello): Buffer => written((writer) => writeHello(writer, value));
const bytesOfWelcome = (value: Welcome): Buffer => written((writer) => writeWelcome(writer, value));
const bytesOfRefusal = (value: Refusal): Buffer => written((writer) => writeRefuse(writer, value));

const mine: Hello = {
  lowestVersion: PROTOCOL_VERSION,
  highestVersion: PROTOCOL_VERSION,
  features: 0,
  maxMessageBytes: 1_000,
  session: new Uint8Array(SESSION_BYTES),
  realm: "r",
  incarnation: "i",
  name: "n",
};
const theirs: Welcome = { ...mine, version: PROTOCOL_VERSION, listeners: 0 };

function isMalformed(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return true;
  }
}

describe("what is written is read", () => {
  test("HELLO", () => {
    fc.assert(
      fc.property(hello, (value) => void expect(readHello(readerOf(bytesOfHello(value)))).toStrictEqual(value)),
    );
  });

  test("WELCOME", () => {
    fc.assert(
      fc.property(welcome, (value) => void expect(readAnswer(readerOf(bytesOfWelcome(value)))).toStrictEqual(value)),
    );
  });

  test("REFUSE, as an answer and on its own", () => {
    fc.assert(
      fc.property(refusal, (value) => {
        expect(readAnswer(readerOf(bytesOfRefusal(value)))).toStrictEqual(value);
        expect(readRefuse(readerOf(bytesOfRefusal(value)))).toStrictEqual(value);
      }),
    );
  });
});

describe("what is no greeting is malformed, and nothing else", () => {
  const frames = [bytesOfHello(mine), bytesOfWelcome(theirs), bytesOfRefusal({ code: "realm", text: "no" })];
  const [helloFrame = Buffer.alloc(0), welcomeFrame = Buffer.alloc(0), refuseFrame = Buffer.alloc(0)] = frames;

  test("one that is cut short at any byte", () => {
    const survivors = (frame: Buffer, read: (frame: Buffer) => unknown): number[] =>
      Array.from({ length: frame.length }, (_, length) => length).filter(
        (length) => !isMalformed(() => read(frame.subarray(0, length))),
      );
    expect(survivors(helloFrame, (frame) => readHello(readerOf(frame)))).toEqual([]);
    expect(survivors(welcomeFrame, (frame) => readAnswer(readerOf(frame)))).toEqual([]);
    expect(survivors(refuseFrame, (frame) => readAnswer(readerOf(frame)))).toEqual([]);
  });

  test("one without this protocol's mark", () => {
    for (const frame of frames) {
      for (let at = 1; at <= 4; at++) {
        const other = Buffer.from(frame);
        other[at] = (other[at] ?? 0) ^ 0x20;
        expect(isMalformed(() => (frame === helloFrame ? readHello : readAnswer)(readerOf(other)))).toBe(true);
      }
    }
  });

  test("one of the other kind", () => {
    expect(isMalformed(() => readHello(readerOf(welcomeFrame)))).toBe(true);
    expect(isMalformed(() => readHello(readerOf(refuseFrame)))).toBe(true);
    expect(isMalformed(() => readAnswer(readerOf(helloFrame)))).toBe(true);
    expect(isMalformed(() => readRefuse(readerOf(welcomeFrame)))).toBe(true);
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (frame) => {
        for (const read of [readHello, readAnswer, readRefuse]) {
          expect(isMalformed(() => read(readerOf(frame)))).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("random bytes behind a proper beginning", () => {
    fc.assert(
      fc.property(fc.constantFrom(...frames), fc.nat(40), fc.uint8Array({ maxLength: 80 }), (frame, keep, rest) => {
        const mixed = Buffer.concat([frame.subarray(0, keep), rest]);
        // Either may be well-formed by chance; what is not, must be malformed.
        isMalformed(() => readHello(readerOf(mixed)));
        isMalformed(() => readAnswer(readerOf(mixed)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("versions", () => {
  const more = (frame: Buffer): Buffer => Buffer.concat([frame, Buffer.from([1, 2, 3])]);

  test("a HELLO of any version can be read, to be refused", () => {
    for (const [lowestVersion, highestVersion] of [
      [0, 0],
      [2, 2],
      [200, 255],
    ] as const) {
      expect(readHello(readerOf(bytesOfHello({ ...mine, lowestVersion, highestVersion })))).toMatchObject({
        lowestVersion,
        highestVersion,
      });
    }
  });

  test("fields that a later version added to HELLO are passed over", () => {
    const later = { ...mine, highestVersion: PROTOCOL_VERSION + 1 };
    expect(readHello(readerOf(more(bytesOfHello(later))))).toStrictEqual(later);
  });

  test("bytes behind a HELLO, or a WELCOME, of this version are malformed", () => {
    expect(isMalformed(() => readHello(readerOf(more(bytesOfHello(mine)))))).toBe(true);
    expect(isMalformed(() => readAnswer(readerOf(more(bytesOfWelcome(theirs)))))).toBe(true);
  });

  test("a refusal's code that is not known, and what a later version says behind it, harm nobody", () => {
    const frame = more(bytesOfRefusal({ code: "closing", text: "why" }));
    frame[5] = 99;
    expect(readAnswer(readerOf(frame))).toStrictEqual({ code: "protocol", text: "why" });
    frame[5] = 0;
    expect(readAnswer(readerOf(frame))).toStrictEqual({ code: "protocol", text: "why" });
  });
});

test("features that are not known are given as they are, and ignored", () => {
  const features = 2 ** 53 - 1;
  expect(readHello(readerOf(bytesOfHello({ ...mine, features })))).toStrictEqual({ ...mine, features });
});

test("the session is a copy, so that the frame need not live on", () => {
  const frame = bytesOfHello({ ...mine, session: new Uint8Array(SESSION_BYTES).fill(7) });
  const { session: read } = readHello(readerOf(frame));
  frame.fill(0);
  expect([...read]).toEqual(new Array(SESSION_BYTES).fill(7));
});
