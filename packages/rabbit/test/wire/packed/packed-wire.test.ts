import { deflateSync } from "node:zlib";
import { MalformedError, MessageTooLargeError, type Outcome } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { DEFLATE, PACKED_TYPE } from "../../../src/wire/packed/packed-message.js";
import { PackedWire, type PackedWireParts } from "../../../src/wire/packed/packed-wire.js";
import { GATHERED_BYTES } from "../../../src/wire/packed/reply.js";
import type { CallTerms, Message } from "../../../src/wire/wire.js";
import { consumed, eventOf, requestOf, routeTo } from "../../support/messages.js";
import { packedArray } from "../../support/packed-bodies.js";

const MAX = 100_000;
const QUEUE = routeTo("q");
const TRACES = { traceparent: "00-1-2-01", tracestate: "a=b", baggage: "c=d" };

function wireWith(more: Partial<PackedWireParts> = {}): { readonly wire: PackedWire; readonly clock: ManualClock } {
  const clock = new ManualClock();
  let ids = 0;
  const newId = (): string => `own-${++ids}`;
  const limits = { maxMessageBytes: MAX, driver: "rabbit" };
  return { wire: new PackedWire({ clock, compresses: false, limits, clockToleranceMs: 1_000, newId, ...more }), clock };
}

const termsOf = (until: number | undefined = undefined): CallTerms => ({
  callId: 1,
  replyQueue: "inbox",
  monitorMs: 500,
  until,
});

/** As it comes out of the broker. */
const arrived = (message: Message): ReturnType<typeof consumed> => consumed(message.body, message.properties());

describe.each([false, true])("compressed: %j", (compresses) => {
  test("a call arrives with all that its server must know", () => {
    const { wire, clock } = wireWith({ compresses });
    const request = requestOf({ params: { a: 2n }, context: { user: "u" }, headers: { ...TRACES, tenant: "t" } });
    const message = wire.call(QUEUE, request, termsOf(clock.now() + 5_000));
    const properties = message.properties();
    expect(properties).toEqual({
      contentType: PACKED_TYPE,
      ...(compresses ? { contentEncoding: DEFLATE } : {}),
      messageId: "id-1",
      headers: TRACES,
      expiration: 5_000,
    });
    const { id, ...sent } = request;
    expect(wire.readRequest(consumed(message.body, properties))).toEqual({
      request: sent,
      id,
      replyTo: { callId: 1, queue: "inbox" },
      monitorMs: 500,
      sentAtMs: clock.wallNow(),
      timeoutMs: 5_000,
    });
  });

  test("a cast has no time that ends, and no reply", () => {
    const { wire } = wireWith({ compresses });
    const message = wire.cast(QUEUE, requestOf());
    expect(message.properties()).not.toHaveProperty("expiration");
    expect(message.properties()).not.toHaveProperty("headers");
    expect(wire.readRequest(arrived(message))).toMatchObject({ replyTo: undefined, timeoutMs: undefined, id: "id-1" });
  });

  test("an event has an id of its own for each topic, and its traces beside the body", () => {
    const { wire } = wireWith({ compresses });
    const event = eventOf({ payload: new Uint8Array([1]), headers: { ...TRACES, tenant: "t" } });
    const messages = [wire.event(QUEUE, event), wire.event(QUEUE, event)];
    expect(messages.map(({ id }) => id)).toEqual(["own-1", "own-2"]);
    expect(messages.map((message) => wire.readEvent(arrived(message)))).toEqual([
      { event, id: "own-1", attempt: undefined },
      { event, id: "own-2", attempt: undefined },
    ]);
  });

  test("an event that is asked for again keeps its id, and counts", () => {
    const { wire } = wireWith({ compresses });
    const event = eventOf({ headers: { ...TRACES, tenant: "t" } });
    const again = wire.requeued(QUEUE, arrived(wire.event(QUEUE, event)), "own-1/2", 2);
    expect(again.id).toBe("own-1/2");
    expect(wire.readEvent(arrived(again))).toEqual({ event, id: "own-1", attempt: 2 });
    const third = wire.requeued(QUEUE, arrived(again), "own-1/3", 3);
    expect(wire.readEvent(arrived(third))).toEqual({ event, id: "own-1", attempt: 3 });
  });

  test("replies travel together, each for its call", () => {
    const { wire } = wireWith({ compresses });
    const failure: Outcome = { ok: false, failure: { type: "E", message: "m", details: 1n } };
    const bodies = [
      wire.beat(1),
      wire.outcome(2, { ok: true, value: 3 }),
      wire.outcome(4, failure),
      wire.lost(5, "x", true),
    ];
    const message = wire.replies(QUEUE, bodies);
    expect(wire.readReplies(arrived(message))).toEqual([
      { callId: 1, kind: "beat" },
      { callId: 2, kind: "end", outcome: { ok: true, value: 3 } },
      { callId: 4, kind: "end", outcome: failure },
      { callId: 5, kind: "lost", message: "x", mayHaveRun: true },
    ]);
    expect(wire.replies(QUEUE, bodies).id).not.toBe(message.id);
  });
});

describe("time (B6)", () => {
  test("what is left is told as it is written, in the body and to the broker", () => {
    const { wire, clock } = wireWith();
    const message = wire.call(QUEUE, requestOf(), termsOf(clock.now() + 5_000));
    clock.advance(1_200.5);
    expect(message.properties().expiration).toBe(3_799);
    expect(wire.readRequest(arrived(message))).toMatchObject({ sentAtMs: clock.wallNow(), timeoutMs: 3_799 });
    clock.advance(60_000);
    expect(message.properties().expiration).toBe(0);
    expect(wire.readRequest(arrived(message))).toMatchObject({ timeoutMs: 0 });
  });

  test("a compressed body has the times at which it was made, the broker's is what is left", () => {
    const { wire, clock } = wireWith({ compresses: true });
    const sentAtMs = clock.wallNow();
    const message = wire.call(QUEUE, requestOf(), termsOf(clock.now() + 5_000));
    clock.advance(1_200);
    expect(message.properties().expiration).toBe(3_800);
    expect(wire.readRequest(arrived(message))).toMatchObject({ sentAtMs, timeoutMs: 5_000 });
  });

  test("a deadline beyond what the broker takes is told in the body", () => {
    const { wire, clock } = wireWith();
    const message = wire.call(QUEUE, requestOf(), termsOf(clock.now() + 1e12));
    expect(message.properties().expiration).toBe(2 ** 32 - 1);
    expect(wire.readRequest(arrived(message)).timeoutMs).toBe(1e12);
  });
});

describe("a request that is handed back", () => {
  test.each([false, true])("keeps its id, its traces and its call; its time goes on (compressed: %j)", (compresses) => {
    const { wire, clock } = wireWith({ compresses });
    const request = requestOf({ params: { a: 1 }, headers: { ...TRACES, tenant: "t" } });
    const raw = arrived(wire.call(QUEUE, request, termsOf(clock.now() + 5_000)));
    const before = Buffer.from(raw.content);
    clock.advance(1_000);
    const back = wire.handedBack(routeTo("other"), raw, "id-1");
    expect([back.id, back.route.key]).toEqual(["id-1", "other"]);
    clock.advance(500);
    const { id, ...sent } = request;
    expect(back.properties()).toMatchObject({ messageId: "id-1", headers: TRACES, expiration: 3_500 });
    const read = wire.readRequest(arrived(back));
    expect(read).toMatchObject({ request: sent, id, replyTo: { callId: 1, queue: "inbox" }, monitorMs: 500 });
    // What is compressed was written as it was handed back.
    expect(read.timeoutMs).toBe(compresses ? 4_000 : 3_500);
    expect(read.sentAtMs).toBe(clock.wallNow() - (compresses ? 500 : 0));
    expect(raw.content).toEqual(before);
  });

  test("and over is over", () => {
    const { wire, clock } = wireWith();
    const raw = arrived(wire.call(QUEUE, requestOf(), termsOf(clock.now() + 5_000)));
    clock.advance(5_500);
    const back = wire.handedBack(QUEUE, raw, "id-1");
    expect(back.properties().expiration).toBe(0);
    expect(wire.readRequest(arrived(back)).timeoutMs).toBe(0);
  });

  test("a cast has no time then either, but counts as sent now", () => {
    const { wire, clock } = wireWith();
    const raw = arrived(wire.cast(QUEUE, requestOf()));
    clock.advance(1_000);
    const back = wire.handedBack(QUEUE, raw, "id-1");
    expect(back.properties()).not.toHaveProperty("expiration");
    expect(wire.readRequest(arrived(back))).toMatchObject({ sentAtMs: clock.wallNow(), timeoutMs: undefined });
  });
});

describe("what comes may be anything (F1)", () => {
  const readers = (wire: PackedWire): ((raw: ReturnType<typeof consumed>) => unknown)[] => [
    (raw) => wire.readRequest(raw),
    (raw) => wire.readEvent(raw),
    (raw) => wire.readReplies(raw),
  ];

  test("another content type or encoding is named and malformed", () => {
    const { wire } = wireWith();
    const body = wire.cast(QUEUE, requestOf()).body;
    for (const read of readers(wire)) {
      for (const contentType of ["application/json", undefined, `${PACKED_TYPE}; v=1`]) {
        const raw = consumed(body, contentType === undefined ? {} : { contentType });
        expect(() => read(raw)).toThrow(`the content type must be ${PACKED_TYPE}`);
        expect(() => read(raw)).toThrow(MalformedError);
      }
      for (const contentEncoding of ["gzip", "utf-8", "br", "DEFLATE"]) {
        expect(() => read(consumed(body, { contentType: PACKED_TYPE, contentEncoding }))).toThrow(MalformedError);
      }
    }
  });

  test("more than the limit is refused, and not inflated first", () => {
    const { wire } = wireWith();
    // Of replies many may come together.
    const large = Buffer.alloc(MAX + GATHERED_BYTES + 1);
    const bomb = deflateSync(Buffer.alloc(8 << 20));
    expect(bomb.length).toBeLessThan(MAX);
    for (const read of readers(wire)) {
      expect(() => read(consumed(large, { contentType: PACKED_TYPE }))).toThrow(MessageTooLargeError);
      expect(() => read(consumed(bomb, { contentType: PACKED_TYPE, contentEncoding: DEFLATE }))).toThrow(
        MessageTooLargeError,
      );
    }
  });

  test("an attempt or a trace of another kind is none", () => {
    const { wire } = wireWith();
    const { body } = wire.event(QUEUE, eventOf());
    const headers = { "trunkline-attempt": "2", traceparent: 1, "trunkline-h-a": "b", "x-death": [{}] };
    expect(wire.readEvent(consumed(body, { contentType: PACKED_TYPE, headers }))).toEqual({
      event: eventOf(),
      id: "own-1",
      attempt: undefined,
    });
  });

  test("a trace beside the body counts, not one within", () => {
    const { wire } = wireWith();
    const members = [1, "u", "event-1", "h", "t", "info", "2026-01-02T03:04:05Z", null, {}, { traceparent: "within" }];
    const raw = consumed(packedArray(members), { contentType: PACKED_TYPE, headers: { traceparent: "beside" } });
    expect(wire.readEvent(raw).event.headers).toEqual({ traceparent: "beside" });
  });

  test("a request whose times are not where they can be written again is never handed back", () => {
    const { wire } = wireWith();
    const short = consumed(packedArray([1, 0, 0, "", "m", null, null, {}, {}, {}, null, null, null]), {
      contentType: PACKED_TYPE,
    });
    expect(() => wire.readRequest(short)).toThrow(MalformedError);
    expect(() => wire.handedBack(QUEUE, short, "id")).toThrow(MalformedError);
  });
});

describe("the size limit at the sender (D4)", () => {
  test("holds before compression, for each kind", () => {
    const { wire } = wireWith({ compresses: true });
    const text = "x".repeat(MAX);
    for (const send of [
      () => wire.call(QUEUE, requestOf({ params: { text } }), termsOf()),
      () => wire.cast(QUEUE, requestOf({ context: { text } })),
      () => wire.event(QUEUE, eventOf({ payload: text })),
      () => wire.outcome(1, { ok: true, value: text }),
    ]) {
      expect(send).toThrow(expect.objectContaining({ name: "MessageTooLargeError", maxMessageBytes: MAX }));
    }
  });

  test("and traces that would not fit beside the body are refused", () => {
    const { wire } = wireWith();
    const headers = { traceparent: "x".repeat(40_000) };
    expect(() => wire.cast(QUEUE, requestOf({ headers }))).toThrow(
      expect.objectContaining({ name: "SerializationError", path: "headers" }),
    );
  });
});
