import { MAX_NAME_BYTES, MalformedError, type Request } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Packer } from "../../../src/wire/packed/packer.js";
import { type PackedCall, readRequest, stampRequest, writeRequest } from "../../../src/wire/packed/request.js";
import { requestOf } from "../../support/messages.js";
import { anyHeaders, anyObject, float, nestedBytes, packedArray } from "../../support/packed-bodies.js";
import { anyText } from "../values.js";

const TIMES = { sentAtMs: 1_764_000_000_123.5, timeoutMs: 4_999.25 };
const CALL: PackedCall = { callId: 7, replyQueue: "trunkline.inbox.a", monitorMs: 250 };

function written(request: Request, call: PackedCall | null = CALL, times = TIMES): Buffer {
  const packer = new Packer({ maxMessageBytes: 1 << 20, driver: "rabbit" });
  return packer.pack((writer) => writeRequest(writer, request, request.headers, call ?? undefined, times));
}

/** The members of a call, of which some are others. */
function members(more: Readonly<Record<number, Parameters<typeof packedArray>[0][number]>> = {}): Buffer {
  const whole = [1, float(1e12), float(5_000), "id", "m", null, null, {}, {}, {}, 7, "q", null];
  return packedArray(whole.map((member, index) => more[index] ?? member));
}

test("the bytes are those of the page on the protocol", () => {
  const body = written(requestOf({ method: "m", namespace: "n", version: "1.1", params: { a: 1 } }), CALL, {
    sentAtMs: 1,
    timeoutMs: 2,
  });
  expect(body).toEqual(
    packedArray([1, float(1), float(2), "id-1", "m", "n", "1.1", { a: 1 }, {}, {}, 7, "trunkline.inbox.a", 250]),
  );
  expect(written(requestOf(), null, { sentAtMs: 1, timeoutMs: 0 })).toEqual(
    packedArray([1, float(1), float(0), "id-1", "echo", null, null, {}, {}, {}, null, null, null]),
  );
});

test("any request comes back, as a call and as a cast", () => {
  const name = anyText(60).filter((text) => text !== "");
  fc.assert(
    fc.property(
      fc.record({ method: name, params: anyObject(), context: anyObject(), headers: anyHeaders() }),
      fc.record({ namespace: name, version: name }, { requiredKeys: [] }),
      fc.option(fc.record({ callId: fc.nat(), replyQueue: name, monitorMs: fc.constantFrom(undefined, 1, 250.5) }), {
        nil: null,
      }),
      (required, optional, call) => {
        const { id, ...request } = requestOf({ ...required, ...optional });
        const read = readRequest(written({ id, ...request }, call));
        expect(read).toEqual({
          request,
          id,
          replyTo: call === null ? undefined : { callId: call.callId, queue: call.replyQueue },
          monitorMs: call?.monitorMs,
          sentAtMs: TIMES.sentAtMs,
          timeoutMs: call === null ? undefined : TIMES.timeoutMs,
        });
        expect(Object.getPrototypeOf(read.request.params)).toBe(Object.prototype);
      },
    ),
    { numRuns: 50 },
  );
});

describe("times are written again in place", () => {
  test("and nothing else changes", () => {
    const request = requestOf({ params: { a: [1, 2] }, headers: { a: "b" } });
    const body = written(request);
    stampRequest(body, { sentAtMs: 9, timeoutMs: 8 });
    expect(body).toEqual(written(request, CALL, { sentAtMs: 9, timeoutMs: 8 }));
  });

  test("in an array of more members, as a later edition may write it", () => {
    const whole = [1, float(1), float(2), "id", "m", null, null, {}, {}, {}, 7, "q", null, "later", "later", "later"];
    const body = packedArray(whole);
    expect(body[0]).toBe(0xdc);
    expect(readRequest(body)).toMatchObject({ sentAtMs: 1, timeoutMs: 2 });
    stampRequest(body, { sentAtMs: 9, timeoutMs: 8 });
    expect(body).toEqual(packedArray(whole.with(1, float(9)).with(2, float(8))));
  });

  test.each([
    [1, 5],
    [2, 5],
    [1, 1e12],
    [2, -1],
  ])("so that member %i as %j in another form than float 64 is refused", (index, value) => {
    expect(() => readRequest(members({ [index]: value === 1e12 ? Buffer.from("ca537a0000", "hex") : value }))).toThrow(
      MalformedError,
    );
  });
});

describe("what a peer may say, and what is made of it", () => {
  test("a send time before 1970 is none", () => {
    for (const value of [0, -1, -1e300]) {
      expect(readRequest(members({ 1: float(value) })).sentAtMs, String(value)).toBeUndefined();
    }
  });

  test("a time below 0 is none", () => {
    expect(readRequest(members({ 2: float(-1) })).timeoutMs).toBeUndefined();
    expect(readRequest(members({ 2: float(0) })).timeoutMs).toBe(0);
  });

  test("a monitor time is above 0, and a call's", () => {
    for (const value of [0, -5]) {
      expect(readRequest(members({ 12: value })).monitorMs).toBeUndefined();
    }
    expect(readRequest(members({ 12: 5 })).monitorMs).toBe(5);
    expect(
      readRequest(packedArray([1, float(1), float(2), "id", "m", null, null, {}, {}, {}, null, null, 5])),
    ).toMatchObject({ monitorMs: undefined, timeoutMs: undefined, replyTo: undefined });
  });

  test("an empty id is none", () => {
    expect(readRequest(members({ 3: "" })).id).toBeUndefined();
  });

  test("a reply queue alone makes no call; a call id alone cannot be answered", () => {
    const cast = [1, float(1), float(2), "id", "m", null, null, {}, {}, {}, null, "q", null];
    expect(readRequest(packedArray(cast)).replyTo).toBeUndefined();
    expect(() => readRequest(packedArray(cast.with(10, 7).with(11, null)))).toThrow("a call without a reply queue");
  });
});

describe("hostile bodies are malformed", () => {
  test.each([
    [1, ["1", null, {}, float(Number.NaN), float(Number.POSITIVE_INFINITY)]],
    [2, ["1", null, {}, float(Number.NaN), float(Number.POSITIVE_INFINITY)]],
    [3, [1, null, {}]],
    [4, [1, {}, []]],
    [5, [1, {}]],
    [6, [1.5, {}]],
    [7, [null, [], "x", new Uint8Array(1), new Date(0)]],
    [8, [null, [], "x", 1n]],
    [9, [null, [], { a: 1 }, { a: null }]],
    [10, ["7", {}, 1n]],
    [11, [7, {}]],
    [12, ["7", {}]],
  ])("member %i of another kind", (index, values) => {
    for (const value of values) {
      // `null` of the fixture stands for no change.
      const body = members({ [index]: value === null ? Buffer.from([0xc0]) : (value as never) });
      expect(() => readRequest(body), JSON.stringify(String(value))).toThrow(MalformedError);
    }
  });

  test.each([
    [4, "method"],
    [5, "namespace"],
    [6, "version"],
    [11, "reply queue"],
  ])("member %i, a name over 255 bytes", (index, what) => {
    expect(() => readRequest(members({ [index]: "é".repeat(127) }))).not.toThrow();
    for (const name of ["é".repeat(128), "n".repeat(MAX_NAME_BYTES + 1), "n".repeat(100_000)]) {
      expect(() => readRequest(members({ [index]: name }))).toThrow(`"${what}" is over 255 bytes`);
    }
  });

  test("an id that could not be published again", () => {
    expect(readRequest(members({ 3: "é".repeat(100) })).id).toHaveLength(100);
    for (const id of ["é".repeat(101), "x".repeat(201)]) {
      expect(() => readRequest(members({ 3: id }))).toThrow('"id" is over 200 bytes');
    }
  });

  test("cut off anywhere, and doubled", () => {
    const body = written(requestOf({ params: { a: [1, "text", new Uint8Array(40)] }, headers: { a: "b" } }));
    for (let length = 0; length < body.length; length++) {
      expect(() => readRequest(body.subarray(0, length)), `${length} bytes`).toThrow(MalformedError);
    }
    expect(() => readRequest(Buffer.concat([body, body]))).toThrow(MalformedError);
  });

  test("nested deeper than any value, and lengths that nothing follows", () => {
    for (const params of [
      nestedBytes(100_000),
      Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0xc6, 0xff]),
    ]) {
      expect(() => readRequest(members({ 7: params }))).toThrow(MalformedError);
    }
    // As a member of a later edition, which is only passed over.
    const later = [1, float(1), float(2), "id", "m", null, null, {}, {}, {}, 7, "q", null, nestedBytes(100_000)];
    expect(() => readRequest(packedArray(later))).toThrow(MalformedError);
  });

  test("bytes of chance, and a request with some changed, are read or refused", () => {
    const body = written(requestOf({ params: { a: [1, { b: "c" }] }, context: { user: "u" }, headers: { a: "b" } }));
    const survives = (bytes: Uint8Array): void => {
      try {
        expect(readRequest(Buffer.from(bytes))).toHaveProperty("request");
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedError);
      }
    };
    fc.assert(fc.property(fc.uint8Array(), (bytes) => survives(Uint8Array.from([0x9d, 1, ...bytes]))));
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, bytes) => {
        const changed = Buffer.from(body);
        changed.set(bytes.subarray(0, body.length - at), at);
        survives(changed);
      }),
      { numRuns: 500 },
    );
    expect(Object.prototype).not.toHaveProperty("polluted");
  });
});
