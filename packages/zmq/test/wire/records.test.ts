import { isDeepStrictEqual } from "node:util";
import { MalformedError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRequests } from "../../src/wire/requests.js";
import { requestRecord, responseRecord } from "../support/arbitrary-records.js";
import { readerOf, written } from "../support/bytes.js";
import { type RequestRecord, readRequestRecords, writeRequestRecord } from "../support/request-records.js";
import { type ResponseRecord, readResponseRecords, writeResponseRecord } from "../support/response-records.js";

const requests = (records: readonly RequestRecord[]): Buffer =>
  written((writer) => {
    for (const record of records) writeRequestRecord(writer, record);
  });
const responses = (records: readonly ResponseRecord[]): Buffer =>
  written((writer) => {
    for (const record of records) writeResponseRecord(writer, record);
  });

/** The runner's own equality is led astray by members named `__proto__`. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
}

/** What reading throws; undefined where it does not. */
function thrownBy(read: (frame: Uint8Array) => unknown, frame: Uint8Array): unknown {
  try {
    read(frame);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Each length below the whole, and of a long frame each of its header, then every 37th. */
function cutsOf(length: number): number[] {
  return Array.from({ length: length - 1 }, (_, cut) => cut + 1).filter((cut) => cut < 200 || cut % 37 === 0);
}

function checkDirection<Item>(
  record: fc.Arbitrary<Item>,
  write: (records: readonly Item[]) => Buffer,
  read: (frame: Uint8Array) => Item[],
): void {
  test("what is written is read, however many are in a frame", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), (records) => expectSame(read(write(records)), records)),
      { numRuns: 500 },
    );
  });

  test("a record that is cut short at any byte is malformed, and nothing else", () => {
    fc.assert(
      fc.property(record, (one) => {
        const frame = write([one]);
        const survived = cutsOf(frame.length).filter(
          (length) => !(thrownBy(read, frame.subarray(0, length)) instanceof MalformedError),
        );
        expect(survived, `of ${frame.length} bytes`).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test("random bytes are records or malformed, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (frame) => {
        const error = thrownBy(read, frame);
        expect(error === undefined || error instanceof MalformedError, String(error)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test("records with some bytes changed are records or malformed, and nothing else", () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(record, fc.array(change, { minLength: 1, maxLength: 4 }), (one, changes) => {
        const frame = write([one]);
        for (const [at, byte] of changes) frame[at % frame.length] = byte;
        const error = thrownBy(read, frame);
        expect(error === undefined || error instanceof MalformedError, String(error)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("the records before a malformed one have been read", () => {
    fc.assert(
      fc.property(record, (one) => {
        const frame = Buffer.concat([write([one]), Buffer.from([0xff])]);
        expect(thrownBy(read, frame)).toBeInstanceOf(MalformedError);
        expectSame(read(frame.subarray(0, -1)), [one]);
      }),
      { numRuns: 50 },
    );
  });
}

describe("requests", () => checkDirection(requestRecord, requests, readRequestRecords));
describe("responses", () => checkDirection(responseRecord, responses, readResponseRecords));

test("each type byte belongs to one direction, but for BYE and SHAPE, and ITEM to none", () => {
  const isKnown = (read: (frame: Uint8Array) => unknown, type: number): boolean => {
    const error = thrownBy(read, Buffer.from([type]));
    return !(error instanceof Error && /is no (request|response)/.test(error.message));
  };
  const types = Array.from({ length: 256 }, (_, type) => type);
  const hex = (list: number[]): string[] => list.map((type) => type.toString(16));
  expect(hex(types.filter((type) => isKnown(readRequestRecords, type)))).toEqual(
    "4 5 10 11 12 13 14 15 16 17 18 19".split(" "),
  );
  expect(hex(types.filter((type) => isKnown(readResponseRecords, type)))).toEqual(
    "4 5 20 21 22 23 24 26 27 28 29 2a 2b 2c 2d 2e".split(" "),
  );
});

test("a sink that closes ends the reading at once", () => {
  const heard: string[] = [];
  const nothing = (): void => {};
  const sink = {
    isOpen: true,
    shapes: undefined,
    shape: nothing,
    route: nothing,
    call: nothing,
    cast: nothing,
    event: nothing,
    cancel: nothing,
    want: nothing,
    returned: nothing,
    gaveUp: nothing,
    noted: nothing,
    ping: () => heard.push("ping"),
    bye() {
      heard.push("bye");
      sink.isOpen = false;
    },
  };
  // PING, BYE, PING, and a byte that is no record.
  readRequests(readerOf(Buffer.from([0x18, 0x04, 0x18, 0xff])), sink);
  expect(heard).toEqual(["ping", "bye"]);
});
