/** Any record of the protocol, within its bounds. */
import { type CancelReason, MAX_NAME_BYTES, PRIORITIES } from "@trunkline/core/driver";
import fc from "fast-check";
import type { Mode, RequestNames } from "../../src/wire/names.js";
import { MAX_ROUTES } from "../../src/wire/requests.js";
import { anyObject, anyValue } from "./arbitrary-values.js";
import type { RequestRecord } from "./request-records.js";
import type { ResponseRecord } from "./response-records.js";

const MODES: readonly Mode[] = ["topic", "server", "fanout"];
const REASONS: readonly CancelReason[] = ["aborted", "deadline", "closed"];

/** A record as an object like any other. */
const plain = <T extends object>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(members, { noNullPrototype: true });

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" }),
  fc
    .string({ minLength: 1, maxLength: 60, unit: "binary" })
    .filter((text) => Buffer.byteLength(text) <= MAX_NAME_BYTES),
  fc.constantFrom("n".repeat(127), "n".repeat(128), "n".repeat(MAX_NAME_BYTES), "é".repeat(127)),
);
const optionalName = fc.option(name, { nil: undefined });
const text = fc.string({ unit: "binary", maxLength: 80 });
const object = anyObject;
const value = anyValue;
const keys = fc.array(text, { minLength: 1, maxLength: 24 });
const headers = fc.dictionary(fc.string({ maxLength: 20 }), text, { maxKeys: 3, noNullPrototype: true });
const priority = fc.constantFrom(...PRIORITIES);
const carried = { context: fc.oneof(fc.constant({}), object), headers: fc.oneof(fc.constant({}), headers) };
const requestBody = plain({ params: object, ...carried });
const eventBody = plain({
  id: text,
  publisherId: text,
  eventType: text,
  timestamp: text,
  payload: value,
  ...carried,
});

export const requestNames: fc.Arbitrary<RequestNames> = plain({
  mode: fc.constantFrom(...MODES),
  namespace: optionalName,
  version: optionalName,
  method: name,
});

export const requestRecord: fc.Arbitrary<RequestRecord> = fc.oneof(
  plain({
    type: fc.constant("ROUTE" as const),
    id: fc.integer({ min: 1, max: MAX_ROUTES }),
    listener: count,
    names: requestNames,
  }),
  plain({
    type: fc.constant("CALL" as const),
    slot: count,
    generation: count,
    route: count,
    timeoutMs: count,
    monitorMs: fc.option(count, { nil: undefined }),
    body: requestBody,
  }),
  plain({ type: fc.constant("CAST" as const), route: count, body: requestBody }),
  plain({ type: fc.constant("EVENT" as const), listener: count, attempt: count, priority, body: eventBody }),
  plain({
    type: fc.constant("CANCEL" as const),
    slot: count,
    generation: count,
    reason: fc.constantFrom(...REASONS),
  }),
  plain({ type: fc.constant("WANT" as const), listener: count, messages: count }),
  plain({ type: fc.constant("RETURN" as const), listener: count, tokens: count }),
  plain({ type: fc.constant("GAVE_UP" as const), listener: count }),
  plain({ type: fc.constant("NOTED" as const), adverts: count }),
  fc.constant({ type: "PING" as const }),
  plain({ type: fc.constant("SHAPE" as const), keys }),
  fc.constant({ type: "BYE" as const }),
);

const eventNames = plain({ exchange: name, topic: name, pool: optionalName, priority, attempt: count });
const castNames = fc
  .tuple(requestNames, plain({ exchange: name, topic: name, server: optionalName }))
  .map(([names, place]) => ({ ...names, ...place }));
const place = { listener: count, exchange: name, topic: name };
const advert = fc.oneof(
  plain({ kind: fc.constant("rpc" as const), server: name, ...place }),
  plain({
    kind: fc.constant("events" as const),
    priorities: fc.subarray([...PRIORITIES]),
    pool: optionalName,
    ...place,
  }),
);
const failure = fc.record(
  { type: text, message: text, module: text, stack: text, details: value },
  { requiredKeys: ["type", "message"], noNullPrototype: true },
);
const slot = { slot: count, generation: count };

export const responseRecord: fc.Arbitrary<ResponseRecord> = fc.oneof(
  plain({ type: fc.constant("ADVERT" as const), advert, credit: count }),
  plain({ type: fc.constant("GOAWAY" as const), listener: count }),
  plain({ type: fc.constant("REPLY" as const), ...slot, value }),
  plain({ type: fc.constant("FAIL" as const), ...slot, failure }),
  plain({ type: fc.constant("BEAT" as const), ...slot }),
  plain({ type: fc.constant("CALL_BACK" as const), ...slot, body: requestBody }),
  plain({ type: fc.constant("CAST_BACK" as const), sequence: count, names: castNames, body: requestBody }),
  plain({ type: fc.constant("EVENT_BACK" as const), sequence: count, names: eventNames, body: eventBody }),
  plain({ type: fc.constant("REQUEUE" as const), delayMs: count, names: eventNames, body: eventBody }),
  plain({ type: fc.constant("ACCEPTED" as const), sequence: count }),
  plain({ type: fc.constant("HANDLED" as const), messages: count }),
  plain({ type: fc.constant("CREDIT" as const), listener: count, tokens: count }),
  plain({ type: fc.constant("RECLAIM" as const), listener: count, tokens: count }),
  fc.constant({ type: "PONG" as const }),
  plain({ type: fc.constant("SHAPE" as const), keys }),
  fc.constant({ type: "BYE" as const }),
);
