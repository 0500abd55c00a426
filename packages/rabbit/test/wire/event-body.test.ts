import {
  type Event,
  MalformedError,
  MessageTooLargeError,
  NotSupportedError,
  PRIORITIES,
  SerializationError,
} from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unwrap } from "../../src/wire/envelope.js";
import { encodeEvent, readEvent } from "../../src/wire/event-body.js";
import { BARE_NOTIFICATION, NOTIFICATION, PROPERTIES } from "./samples.js";
import { anyJsonObject, anyJsonValue, nested } from "./values.js";

const MAX = 1 << 24;
const LIMITS = { maxMessageBytes: MAX, driver: "rabbit" };
const FIELDS = { uniqueId: "u1" };

const open = (body: Buffer | string): Record<string, unknown> => unwrap(Buffer.from(body), PROPERTIES, MAX);

const EVENT: Event = {
  kind: "event",
  id: "9cf08d02-4e7e-40f0-8fea-7f1f7c725bec",
  publisherId: "compute.host1",
  eventType: "compute.create_instance",
  priority: "info",
  payload: { i: 2, text: "héllo" },
  timestamp: "2026-11-24T02:25:04.525Z",
  context: { user_id: "u1", project_id: "p1", request_id: "req-n", roles: ["admin"] },
  headers: {},
};

test("what oslo sends, with an envelope and without", () => {
  const { headers: _, ...event } = EVENT;
  expect(readEvent(open(NOTIFICATION))).toEqual({ event, uniqueId: "edfb4bec8eea4a07bdb1cca865cc2c2d" });
  expect(readEvent(open(BARE_NOTIFICATION))).toMatchObject({
    event: { id: "2892f9ec-3850-4581-a276-f183c094251c", payload: { i: 0 }, timestamp: "2026-11-24T02:25:11.273Z" },
    uniqueId: "2fc2eabb167e4971bf93a7b41a26b7d9",
  });
});

describe("what we send", () => {
  test.each([
    ["with an envelope", NOTIFICATION, {}],
    ["without", BARE_NOTIFICATION, { hasEnvelope: false }],
  ])("is as oslo sends it, member for member, %s", (_, body, part) => {
    const { event, uniqueId = "" } = readEvent(open(body));
    const written = encodeEvent({ ...event, headers: {} }, { uniqueId, ...part }, LIMITS);
    // Of the microseconds the milliseconds are left.
    const sent = open(body);
    const timestamp = `${String(sent["timestamp"]).slice(0, -3)}000`;
    expect(Object.entries(open(written))).toEqual(Object.entries({ ...sent, timestamp }));
    expect(Object.hasOwn(JSON.parse(written.toString()), "oslo.version")).toBe(!("hasEnvelope" in part));
  });

  test("any event of D2's values survives", () => {
    fc.assert(
      fc.property(
        anyJsonValue(),
        anyJsonObject(),
        fc.constantFrom(...PRIORITIES),
        fc.boolean(),
        (payload, context, priority, hasEnvelope) => {
          const event = { ...EVENT, payload: payload as never, context: context as never, priority };
          const { headers: _, ...expected } = event;
          expect(readEvent(open(encodeEvent(event, { ...FIELDS, hasEnvelope }, LIMITS)))).toEqual({
            event: expected,
            ...FIELDS,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test("what cannot travel is refused", () => {
    const send =
      (part: object, limits = LIMITS) =>
      (): Buffer =>
        encodeEvent({ ...EVENT, ...part }, FIELDS, limits);
    expect(send({ payload: [1n] })).toThrow(NotSupportedError);
    expect(send({ payload: new Map() })).toThrow(expect.objectContaining({ path: "payload" }));
    expect(send({ context: { a: new Date(0) } })).toThrow(NotSupportedError);
    expect(send({ context: { reply_q: "q" } })).toThrow(expect.objectContaining({ path: "context.reply_q" }));
    expect(send({ timestamp: "yesterday" })).toThrow(expect.objectContaining({ path: "timestamp" }));
    expect(send({ payload: nested(1001) })).toThrow(SerializationError);
    expect(send({}, { ...LIMITS, maxMessageBytes: 20 })).toThrow(MessageTooLargeError);
    expect(readEvent(open(send({ payload: nested(1000) })())).event.payload).toEqual(nested(1000));
    expect(readEvent(open(send({ payload: undefined })())).event.payload).toBeNull();
  });
});

describe("what a reader takes", () => {
  const sent = open(NOTIFICATION);
  const without = (key: string): Record<string, unknown> =>
    Object.fromEntries(Object.entries(sent).filter(([name]) => name !== key));

  test.each([
    ["publisher_id", { publisherId: "" }],
    ["event_type", { eventType: "" }],
    ["payload", { payload: null }],
  ])("no %s, as oslo's dispatcher does", (key, part) => {
    for (const inner of [without(key), { ...sent, [key]: null }]) {
      expect(readEvent(inner).event).toMatchObject(part);
    }
  });

  test("no unique id", () => {
    for (const inner of [without("_unique_id"), { ...sent, _unique_id: null }, { ...sent, _unique_id: "" }]) {
      expect(readEvent(inner)).not.toHaveProperty("uniqueId");
    }
  });

  test.each(PRIORITIES)("the priority %s in any case", (priority) => {
    for (const written of [priority, priority.toUpperCase()]) {
      expect(readEvent({ ...sent, priority: written }).event.priority).toBe(priority);
    }
  });

  test("the context, without what a Python listener would add", () => {
    expect(readEvent({ ...sent, _context_client_timeout: null }).event.context).toEqual(EVENT.context);
  });

  test.each<[string, readonly unknown[]]>([
    ["message_id", [undefined, null, "", 1, {}]],
    ["publisher_id", [1, {}, []]],
    ["event_type", [1, {}, []]],
    ["priority", [undefined, null, "", "WARNING", "notice", 1, ["INFO"], "__proto__"]],
    ["timestamp", [undefined, null, "", "soon", 1764000000]],
    ["_unique_id", [1, {}]],
  ])("not a %s that oslo never sends", (key, values) => {
    for (const value of values) {
      const inner = value === undefined ? without(key) : { ...sent, [key]: value };
      expect(() => readEvent(inner), String(value)).toThrow(MalformedError);
    }
  });
});
