import { MalformedError, type Outcome, type ValueWriter } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Packer } from "../../../src/wire/packed/packer.js";
import {
  joinReplies,
  MOST_REPLIES,
  readReplies,
  writeBeat,
  writeLost,
  writeOutcome,
} from "../../../src/wire/packed/reply.js";
import { anyValue, nestedBytes, packedArray } from "../../support/packed-bodies.js";

const packer = new Packer({ maxMessageBytes: 1 << 20, driver: "rabbit" });
const written = (write: (writer: ValueWriter) => void): Buffer => packer.pack(write);
const outcome = (callId: number, of: Outcome): Buffer => written((writer) => writeOutcome(writer, callId, of));
const beat = (callId: number): Buffer => written((writer) => writeBeat(writer, callId));
const lost = (callId: number, message: string, mayHaveRun: boolean): Buffer =>
  written((writer) => writeLost(writer, callId, message, mayHaveRun));

test("the bytes are those of the page on the protocol", () => {
  const failure = { type: "E", message: "m" };
  const replies = [
    beat(1),
    outcome(2, { ok: true, value: "v" }),
    outcome(3, { ok: false, failure }),
    lost(4, "gone", true),
  ];
  expect(joinReplies(replies)).toEqual(
    packedArray([1, 1, 0, null, 2, 1, "v", 3, 2, { type: "E", message: "m" }, 4, 3, ["gone", true]], true),
  );
});

test("any replies come back, in their order, as many as travel together", () => {
  const anyOutcome: fc.Arbitrary<Outcome> = fc.oneof(
    anyValue().map((value) => ({ ok: true as const, value })),
    fc
      .record(
        {
          type: fc.string(),
          message: fc.string(),
          module: fc.string(),
          nearest: fc.string(),
          stack: fc.string(),
          details: anyValue(),
        },
        { requiredKeys: ["type", "message"] },
      )
      .map((failure) => ({ ok: false as const, failure })),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.maxSafeInteger().map(Math.abs), anyOutcome), { minLength: 1, maxLength: 20 }),
      (sent) => {
        const body = joinReplies(sent.map(([callId, of]) => outcome(callId, of)));
        expect(readReplies(body)).toEqual(sent.map(([callId, of]) => ({ callId, kind: "end", outcome: of })));
      },
    ),
  );
  const most = Array.from({ length: MOST_REPLIES }, (_, callId) => beat(callId));
  expect(readReplies(joinReplies(most))).toEqual(most.map((_, callId) => ({ callId, kind: "beat" })));
});

test("a loss says whether the request may have run", () => {
  expect(readReplies(joinReplies([lost(1, "gone", true), lost(2, "stopped", false)]))).toEqual([
    { callId: 1, kind: "lost", message: "gone", mayHaveRun: true },
    { callId: 2, kind: "lost", message: "stopped", mayHaveRun: false },
  ]);
});

test("of a failure, members of other kinds are left out, and unknown ones", () => {
  const failure = { type: "E", message: "m", module: 1, nearest: null, stack: [], code: "X", details: null };
  expect(readReplies(packedArray([1, 9, 2, failure]))).toEqual([
    { callId: 9, kind: "end", outcome: { ok: false, failure: { type: "E", message: "m", details: null } } },
  ]);
});

test("what a later edition puts behind the replies is passed over", () => {
  expect(readReplies(packedArray([1, 9, 0, null, "later", "still"]))).toEqual([{ callId: 9, kind: "beat" }]);
});

describe("hostile bodies are malformed", () => {
  test.each([
    ["a call id of another kind", [1, "9", 0, null]],
    ["no call id", [1, null, 0, null]],
    ["a kind that is no number", [1, 9, "0", null]],
    ["an unknown kind", [1, 9, 4, null]],
    ["a failure that is none", [1, 9, 2, "E"]],
    ["a failure without a message", [1, 9, 2, { type: "E" }]],
    ["a failure with a type that is no text", [1, 9, 2, { type: 1, message: "m" }]],
    ["a loss that is no list", [1, 9, 3, "gone"]],
    ["a loss that does not say whether it ran", [1, 9, 3, ["gone"]]],
    ["a loss with another kind of text", [1, 9, 3, [1, true]]],
    ["no reply at all", [1]],
    ["half a reply", [1, 9, 0]],
    ["a bad one behind a good one", [1, 9, 0, null, 9, 4, null]],
    ["a value that nests too deep", [1, 9, 1, nestedBytes(100_000)]],
  ])("%s", (_, members) => {
    expect(() => readReplies(packedArray(members as never))).toThrow(MalformedError);
  });

  test("cut off anywhere, and doubled", () => {
    const body = joinReplies([outcome(1, { ok: true, value: { a: "text" } }), lost(2, "gone", true)]);
    for (let length = 0; length < body.length; length++) {
      expect(() => readReplies(body.subarray(0, length)), `${length} bytes`).toThrow(MalformedError);
    }
    expect(() => readReplies(Buffer.concat([body, body]))).toThrow(MalformedError);
  });

  test("one that is over the limit is a failure of its own call alone (D4)", () => {
    const body = joinReplies([
      outcome(1, { ok: true, value: "small" }),
      outcome(2, { ok: true, value: "x".repeat(200) }),
      outcome(3, { ok: true, value: "small" }),
    ]);
    const [first, second, third] = readReplies(body, 100);
    expect([first, third]).toEqual([
      { callId: 1, kind: "end", outcome: { ok: true, value: "small" } },
      { callId: 3, kind: "end", outcome: { ok: true, value: "small" } },
    ]);
    expect(second).toMatchObject({ callId: 2, outcome: { ok: false, failure: { type: "MessageTooLargeError" } } });
  });

  test("a later edition's member that is cut off", () => {
    expect(() => readReplies(packedArray([1, 9, 0, null, "later"]).subarray(0, -1))).toThrow(MalformedError);
  });

  test("a count that nothing follows is refused without work for it", () => {
    expect(() => readReplies(Buffer.from([0xdc, 0xff, 0xff, 1, 1, 0, 0xc0]))).toThrow(MalformedError);
  });
});
