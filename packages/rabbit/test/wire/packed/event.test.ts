import { type Event, MalformedError, PRIORITIES } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEvent, writeEvent } from "../../../src/wire/packed/event.js";
import { Packer } from "../../../src/wire/packed/packer.js";
import { eventOf } from "../../support/messages.js";
import { anyHeaders, anyObject, anyValue, nestedBytes, packedArray } from "../../support/packed-bodies.js";
import { anyText } from "../values.js";

function written(event: Event, uniqueId = "u"): Buffer {
  const packer = new Packer({ maxMessageBytes: 1 << 20, driver: "rabbit" });
  return packer.pack((writer) => writeEvent(writer, event, uniqueId, event.headers));
}

const WHOLE = [1, "u", "event-1", "host1", "disk.full", "info", "2026-01-02T03:04:05.678Z", null, {}, {}] as const;

function members(index: number, value: Parameters<typeof packedArray>[0][number]): Buffer {
  return packedArray([...WHOLE].map((member, at) => (at === index ? value : member)));
}

test("the bytes are those of the page on the protocol", () => {
  expect(written(eventOf())).toEqual(packedArray(WHOLE));
});

test("any event comes back, under the id of its topic", () => {
  const text = anyText(60);
  fc.assert(
    fc.property(
      fc.record({
        id: fc.string({ minLength: 1 }),
        publisherId: text,
        eventType: text,
        priority: fc.constantFrom(...PRIORITIES),
        payload: anyValue(),
        context: anyObject(),
        headers: anyHeaders(),
      }),
      fc.string({ minLength: 1 }),
      (parts, id) => {
        const event = eventOf(parts);
        expect(readEvent(written(event, id))).toEqual({ event, id });
      },
    ),
    { numRuns: 50 },
  );
});

describe("hostile bodies are malformed", () => {
  test.each([
    [1, [1, null, ""]],
    [2, [1, null, ""]],
    [3, [1, null, {}]],
    [4, [1, null, {}]],
    [5, [1, null, "INFO", "trace", "__proto__", ""]],
    [6, [1, null, "", "yesterday", "2026-13-01T00:00:00.000Z"]],
    [8, [1, null, [], "x"]],
    [9, [1, null, [], { a: 1 }]],
  ])("member %i of another kind", (index, values) => {
    for (const value of values) {
      expect(() => readEvent(members(index, value as never)), JSON.stringify(value)).toThrow(MalformedError);
    }
  });

  test("an unknown priority, a time that is none, and a missing id are named", () => {
    expect(() => readEvent(members(5, "INFO"))).toThrow("an unknown priority");
    expect(() => readEvent(members(6, "soon"))).toThrow("a timestamp that is no time");
    expect(() => readEvent(members(2, ""))).toThrow("an event without an id");
  });

  test("an id that could not be published again", () => {
    expect(readEvent(members(1, "x".repeat(200))).id).toHaveLength(200);
    expect(() => readEvent(members(1, "x".repeat(201)))).toThrow('"unique id" is over 200 bytes');
  });

  test("cut off anywhere, and doubled", () => {
    const body = written(eventOf({ payload: { a: [1, 2n, new Uint8Array(40)] }, headers: { a: "b" } }));
    for (let length = 0; length < body.length; length++) {
      expect(() => readEvent(body.subarray(0, length)), `${length} bytes`).toThrow(MalformedError);
    }
    expect(() => readEvent(Buffer.concat([body, body]))).toThrow(MalformedError);
    expect(() => readEvent(members(7, nestedBytes(100_000)))).toThrow(MalformedError);
  });
});
