import { MAX_NAME_BYTES, MalformedError, type Priority, ValueWriter } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { bodyFlags, copyEventBody, copyRequestBody } from "../../src/wire/bodies.js";
import { HAS_CONTEXT, HAS_HEADERS } from "../../src/wire/record-types.js";
import { MAX_ROUTES } from "../../src/wire/requests.js";
import { readerOf, written } from "../support/bytes.js";
import {
  eventOf,
  type RequestRecord,
  readRequestRecords,
  requestOf,
  writeRequestRecord,
} from "../support/request-records.js";
import { type ResponseRecord, readResponseRecords, writeResponseRecord } from "../support/response-records.js";

const request = (record: RequestRecord): Buffer => written((writer) => writeRequestRecord(writer, record));
const response = (record: ResponseRecord): Buffer => written((writer) => writeResponseRecord(writer, record));
const names = { mode: "topic", namespace: undefined, version: undefined, method: "m" } as const;
const nothing = { context: {}, headers: {} };
const place = { listener: 1, exchange: "e", topic: "t" };
const eventNames = { exchange: "e", topic: "t", pool: "p", priority: "info", attempt: 1 } as const;
const eventBody = { id: "i", publisherId: "p", eventType: "e", timestamp: "t", payload: null, ...nothing };

describe("names out of bounds are malformed", () => {
  const long = "n".repeat(MAX_NAME_BYTES + 1);
  const longest = "n".repeat(MAX_NAME_BYTES);
  // Each record with a name, by what that name is.
  const requests: Record<string, (name: string) => RequestRecord> = {
    method: (method) => ({ type: "ROUTE", id: 1, listener: 1, names: { ...names, method } }),
    namespace: (namespace) => ({ type: "ROUTE", id: 1, listener: 1, names: { ...names, namespace } }),
    version: (version) => ({ type: "ROUTE", id: 1, listener: 1, names: { ...names, version } }),
  };
  const castBack = (part: object): ResponseRecord => ({
    type: "CAST_BACK",
    sequence: 1,
    names: { ...names, exchange: "e", topic: "t", server: "s", ...part },
    body: { params: {}, ...nothing },
  });
  const eventBack = (part: object): ResponseRecord => ({
    type: "EVENT_BACK",
    sequence: 1,
    names: { ...eventNames, ...part },
    body: eventBody,
  });
  const responses: Record<string, (name: string) => ResponseRecord> = {
    "an advert's exchange": (exchange) => ({
      type: "ADVERT",
      advert: { kind: "rpc", ...place, exchange, server: "s" },
      credit: 1,
    }),
    "an advert's topic": (topic) => ({
      type: "ADVERT",
      advert: { kind: "rpc", ...place, topic, server: "s" },
      credit: 1,
    }),
    "an advert's server": (server) => ({ type: "ADVERT", advert: { kind: "rpc", ...place, server }, credit: 1 }),
    "an advert's pool": (pool) => ({
      type: "ADVERT",
      advert: { kind: "events", ...place, priorities: ["info"], pool },
      credit: 1,
    }),
    "the exchange of a cast given back": (exchange) => castBack({ exchange }),
    "the topic of a cast given back": (topic) => castBack({ topic }),
    "the server of a cast given back": (server) => castBack({ server }),
    "the method of a cast given back": (method) => castBack({ method }),
    "the exchange of an event given back": (exchange) => eventBack({ exchange }),
    "the topic of an event given back": (topic) => eventBack({ topic }),
    "the pool of an event given back": (pool) => eventBack({ pool }),
  };

  test.each(Object.keys(requests))("a route's %s", (part) => {
    const record = requests[part] ?? (() => ({ type: "PING" }));
    expect(readRequestRecords(request(record(longest)))).toEqual([record(longest)]);
    for (const bad of ["", long]) expect(() => readRequestRecords(request(record(bad)))).toThrow(MalformedError);
  });

  test.each(Object.keys(responses))("%s", (part) => {
    const record = responses[part] ?? (() => ({ type: "PONG" }));
    expect(readResponseRecords(response(record(longest)))).toEqual([record(longest)]);
    for (const bad of ["", long]) expect(() => readResponseRecords(response(record(bad)))).toThrow(MalformedError);
  });
});

describe("small sets have no other members", () => {
  /** The frame, with the byte at `at` (from the end where negative) replaced by each of these. */
  const each = (frame: Buffer, at: number, values: readonly number[]): Buffer[] =>
    values.map((value) => {
      const changed = Buffer.from(frame);
      changed[at < 0 ? frame.length + at : at] = value;
      return changed;
    });
  const isRequest = (frame: Buffer): boolean => !isMalformed(() => readRequestRecords(frame));
  const isResponse = (frame: Buffer): boolean => !isMalformed(() => readResponseRecords(frame));

  test("modes and parts of a route", () => {
    const frame = request({ type: "ROUTE", id: 1, listener: 1, names });
    expect(each(frame, 3, [0, 1, 2, 3, 255]).map(isRequest)).toEqual([true, true, true, false, false]);
    expect(each(frame, 4, [0, 4, 8, 255]).map(isRequest)).toEqual([true, false, false, false]);
  });

  test("a route's id", () => {
    const withId = (id: number): Buffer => request({ type: "ROUTE", id, listener: 1, names });
    expect([0, 1, MAX_ROUTES, MAX_ROUTES + 1].map((id) => isRequest(withId(id)))).toEqual([false, true, true, false]);
  });

  test("flags of each message", () => {
    const body = { params: {}, ...nothing };
    const call = request({ type: "CALL", slot: 0, generation: 0, route: 1, timeoutMs: 1, monitorMs: undefined, body });
    expect(each(call, 1, [0, 8, 16, 128]).map(isRequest)).toEqual([true, false, false, false]);
    const cast = request({ type: "CAST", route: 1, body });
    expect(each(cast, 1, [0, 4, 8]).map(isRequest)).toEqual([true, false, false]);
    const event = request({ type: "EVENT", listener: 1, attempt: 1, priority: "info", body: eventBody });
    expect(each(event, 1, [0, 4, 8]).map(isRequest)).toEqual([true, false, false]);
    for (const record of [
      { type: "CALL_BACK", slot: 0, generation: 0, body },
      { type: "CAST_BACK", sequence: 1, names: { ...names, exchange: "e", topic: "t", server: undefined }, body },
      { type: "EVENT_BACK", sequence: 1, names: eventNames, body: eventBody },
      { type: "REQUEUE", delayMs: 1, names: eventNames, body: eventBody },
    ] as ResponseRecord[]) {
      expect(each(response(record), 1, [0, 4, 8]).map(isResponse), record.type).toEqual([true, false, false]);
    }
  });

  test("reasons, priorities, kinds, and whether there is a name", () => {
    const cancel = request({ type: "CANCEL", slot: 0, generation: 0, reason: "aborted" });
    expect(each(cancel, -1, [0, 1, 2, 3, 255]).map(isRequest)).toEqual([true, true, true, false, false]);
    const event = request({ type: "EVENT", listener: 1, attempt: 1, priority: "info", body: eventBody });
    expect(each(event, 4, [0, 6, 7, 255]).map(isRequest)).toEqual([true, true, false, false]);
    const rpc = response({ type: "ADVERT", advert: { kind: "rpc", ...place, server: "s" }, credit: 1 });
    expect(each(rpc, 2, [0, 2, 255]).map(isResponse)).toEqual([true, false, false]);
    const priorities: Priority[] = ["info", "warn"];
    const events = response({
      type: "ADVERT",
      advert: { kind: "events", ...place, priorities, pool: undefined },
      credit: 1,
    });
    expect(each(events, -3, [0, 0x7f, 0x80]).map(isResponse)).toEqual([true, true, false]);
    expect(each(events, -2, [0, 2]).map(isResponse)).toEqual([true, false]);
    const fail = response({ type: "FAIL", slot: 0, generation: 0, failure: { type: "E", message: "m" } });
    expect(each(fail, 3, [0, 8]).map(isResponse)).toEqual([true, false]);
  });

  test("params, contexts and headers are objects, and headers are texts", () => {
    const cast = (...values: unknown[]): Buffer =>
      written((writer) => {
        writer.raw(Buffer.from([0x12, HAS_CONTEXT | HAS_HEADERS, 1]));
        for (const value of values) writer.value(value);
      });
    expect(isRequest(cast({}, {}, { h: "x" }))).toBe(true);
    for (const bad of [null, 1, "x", [], new Uint8Array(1), new Date(0), 1n, true]) {
      expect(isRequest(cast(bad, {}, {})), `params ${String(bad)}`).toBe(false);
      expect(isRequest(cast({}, bad, {})), `context ${String(bad)}`).toBe(false);
      expect(isRequest(cast({}, {}, bad)), `headers ${String(bad)}`).toBe(false);
      expect(isRequest(cast({}, {}, { h: "x", bad }))).toBe(bad === "x");
    }
  });
});

describe("bodies", () => {
  const context = { user: "u", tags: [1, { a: null }] };
  const headers = { traceparent: "00-ab-cd-01" };

  test("flags say what a message has", () => {
    const flags = (part: object): number => bodyFlags(requestOf({ params: {}, ...nothing, ...part }));
    expect([flags({}), flags({ context }), flags({ headers }), flags({ context, headers })]).toEqual([
      0,
      HAS_CONTEXT,
      HAS_HEADERS,
      HAS_CONTEXT | HAS_HEADERS,
    ]);
  });

  test("a copied body is the bytes that were sent, and shares nothing with the frame", () => {
    const body = { params: { a: [1, 2n, new Uint8Array(3)] }, context, headers };
    const frame = request({ type: "CAST", route: 1, body: body as never });
    const reader = readerOf(Buffer.concat([frame, Buffer.from([0x18])]));
    reader.position = 3;
    const copy = copyRequestBody(reader, HAS_CONTEXT | HAS_HEADERS);
    expect(reader.position).toBe(frame.length);
    expect(Buffer.from(copy)).toEqual(frame.subarray(3));
    expect(copy.buffer.byteLength).toBe(copy.length);
  });

  test("an event's copied body has its names too", () => {
    const frame = request({
      type: "EVENT",
      listener: 1,
      attempt: 1,
      priority: "info",
      body: { ...eventBody, context },
    });
    const reader = readerOf(frame);
    reader.position = 5;
    expect(Buffer.from(copyEventBody(reader, HAS_CONTEXT))).toEqual(frame.subarray(5));
    expect(reader.position).toBe(frame.length);
    expect(bodyFlags(eventOf({ ...eventBody, context }))).toBe(HAS_CONTEXT);
  });
});

test("a failure's texts arrive whatever an error said, and are well-formed", () => {
  const writer = new ValueWriter({
    onFull(full) {
      full.bytes = Buffer.alloc(1_000);
    },
  });
  const failure = { type: "E\ud800", message: "\udfff", module: "m\ud800", stack: "s\ud800" };
  writeResponseRecord(writer, { type: "FAIL", slot: 1, generation: 2, failure });
  const repaired = { type: "E\ufffd", message: "\ufffd", module: "m\ufffd", stack: "s\ufffd" };
  expect(readResponseRecords(writer.bytes.subarray(0, writer.position))).toEqual([
    { type: "FAIL", slot: 1, generation: 2, failure: repaired },
  ]);
});

function isMalformed(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return true;
  }
}
