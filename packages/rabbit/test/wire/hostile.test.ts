import { MalformedError, MessageTooLargeError } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compressBody } from "../../src/wire/compression.js";
import { unwrap, wrap } from "../../src/wire/envelope.js";
import { readEvent } from "../../src/wire/event-body.js";
import type { InnerMessage } from "../../src/wire/inner-message.js";
import { readReply } from "../../src/wire/reply-body.js";
import { readRequest } from "../../src/wire/request-body.js";
import { CALL, ERROR_REPLY, MONITORED_CALL, NOTIFICATION, ODD_REPLY, PROPERTIES } from "./samples.js";
import { anyJsonValue } from "./values.js";

const MAX = 1 << 20;
const READERS: readonly ((inner: InnerMessage) => unknown)[] = [readRequest, readEvent, readReply];

/** All that a peer can do to us: a value, or one of these two errors. */
function survives(content: Buffer, headers: unknown = {}): void {
  const read = (fn: () => InnerMessage): InnerMessage | undefined => {
    try {
      return fn();
    } catch (error) {
      expect(error instanceof MalformedError || error instanceof MessageTooLargeError).toBe(true);
      return undefined;
    }
  };
  const inner = read(() => unwrap(content, { ...PROPERTIES, headers }, MAX));
  if (inner === undefined) return;
  for (const reader of READERS) read(() => reader(inner) as InnerMessage);
  expect(Object.prototype).not.toHaveProperty("polluted");
}

const SAMPLES = [CALL, MONITORED_CALL, NOTIFICATION, ERROR_REPLY, ODD_REPLY];

describe("any bytes are read or refused", () => {
  test("bytes of chance", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.boolean(), (bytes, isCompressed) => {
        survives(
          isCompressed ? compressBody(Buffer.from(bytes)) : Buffer.from(bytes),
          isCompressed ? { compression: "gzip" } : {},
        );
      }),
      { numRuns: 500 },
    );
  });

  test("oslo's own, changed, cut off or doubled somewhere", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SAMPLES),
        fc.nat(),
        fc.nat(),
        fc.uint8Array({ maxLength: 4 }),
        (sample, from, gap, bytes) => {
          const whole = Buffer.from(sample);
          const start = from % whole.length;
          const rest = whole.subarray(Math.min(whole.length, start + (gap % 8)));
          survives(Buffer.concat([whole.subarray(0, start), bytes, rest]));
          survives(whole.subarray(0, start));
          survives(Buffer.concat([whole, whole.subarray(start)]));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("messages whose members have other kinds", () => {
    const names = ["method", "args", "namespace", "version", "_msg_id", "_reply_q", "_timeout", "_unique_id", "result"]
      .concat(["failure", "ending", "message_id", "publisher_id", "event_type", "priority", "payload", "timestamp"])
      .concat(["_context_user", "_context___proto__", "__proto__", "oslo.version", "oslo.message"]);
    const good = fc.constantFrom<unknown>("m", "INFO", "2026-11-24 02:25:04", "{}", true, null);
    const entry = fc.tuple(fc.constantFrom(...names), fc.oneof(good, anyJsonValue()));
    fc.assert(
      fc.property(fc.array(entry), fc.boolean(), (entries, hasEnvelope) => {
        const text = JSON.stringify(Object.fromEntries(entries));
        survives(hasEnvelope ? wrap(text) : Buffer.from(text));
      }),
      { numRuns: 1000 },
    );
  });
});

test("no prototype is changed", () => {
  const pollution = '{"polluted":1}';
  const members = ["args", "payload", "result", "_context___proto__", "__proto__", "failure"];
  const fields = members.map((name) => `"${name}":{"__proto__":${pollution},"constructor":{"prototype":${pollution}}}`);
  const event = '"message_id":"i","priority":"info","timestamp":"2026-11-24 02:25:04"';
  const text = `{"method":"m","_msg_id":"m","_reply_q":"q",${event},${fields.join()}}`;
  survives(Buffer.from(text));
  survives(wrap(text));
  const inner = unwrap(wrap(text), PROPERTIES, MAX);
  const { params, context } = readRequest(inner);
  expect(params["polluted"]).toBeUndefined();
  expect(Object.keys(params)).toEqual(["__proto__", "constructor"]);
  expect(Object.keys(context)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(context)).toBe(Object.prototype);
});

test("what is built to cost time costs little", () => {
  const size = 1 << 20;
  const many = (part: string): string => part.repeat(size / part.length);
  const bodies = [
    many("["),
    many('{"a":'),
    `{"args":${many("[")}`,
    `{"a":"${many('\\"')}`,
    `{"a":"${many("\\")}`,
    `{"a":[${many("1,")}1]}`,
    `{"a":${many("9")}}`,
    `{"a":[9007199254740993${many(',""')}]}`,
    `{${Array.from({ length: 50_000 }, (_, index) => `"_context_${index}":0`).join()}}`,
    `{"timestamp":"2026-11-24 02:25:04.${many("1")}","message_id":"i","priority":"info"}`,
    `{"method":"${many("m")}"}`,
    `{"failure":"${many("[")}","_msg_id":"m"}`,
  ];
  for (const body of bodies) {
    for (const content of [Buffer.from(body), wrap(body)]) {
      const start = performance.now();
      try {
        const inner = unwrap(content, PROPERTIES, 64 << 20);
        for (const reader of READERS) {
          try {
            reader(inner);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedError);
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedError);
      }
      // Some 100 ms where it is linear; quadratic time would be hours.
      expect(performance.now() - start, body.slice(0, 40)).toBeLessThan(10_000);
    }
  }
});
