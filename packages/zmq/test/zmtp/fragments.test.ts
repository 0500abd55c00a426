import fc from "fast-check";
import { expect, test } from "vitest";
import { SessionRecorder, TEST_BOUNDS } from "../support/session-recorder.js";
import { commandBytes, DEALER_PREFACE, frameBytes } from "../support/zmtp-bytes.js";

/** Whatever a session holds: a message's frames, one more that has begun, with its room to grow, and a header. */
const MOST_HELD = TEST_BOUNDS.maxMessageBytes + 2 * TEST_BOUNDS.maxFrameBytes + 9;

const body = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 250, max: 9_000 }).map((size) => new Uint8Array(size).fill(size)) },
);

/** A message, or a command that may come between messages: as bytes, and the frames that are to be told. */
interface Item {
  readonly bytes: Buffer;
  readonly frames?: readonly Uint8Array[];
}

function messageItem(frames: readonly Uint8Array[]): Item {
  return {
    bytes: Buffer.concat(frames.map((bytes, index) => frameBytes(bytes, index + 1 < frames.length ? 1 : 0))),
    frames,
  };
}

const item: fc.Arbitrary<Item> = fc.oneof(
  { weight: 5, arbitrary: body.map((bytes) => messageItem([bytes])) },
  { weight: 2, arbitrary: fc.array(body, { minLength: 2, maxLength: 5 }).map(messageItem) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 16 })
      .map((context) => ({ bytes: commandBytes("PING", Buffer.of(0, 9, ...context)) })),
  },
  { weight: 1, arbitrary: fc.constant({ bytes: commandBytes("PONG") }) },
);

const items = fc.array(item, { maxLength: 12 });
const streamOf = (parts: readonly Item[]): Buffer =>
  Buffer.concat([DEALER_PREFACE, ...parts.map(({ bytes }) => bytes)]);
const stream = items.map(streamOf);

/** Sizes of the pieces that a stream is cut into, again and again. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9_000 })), {
  minLength: 1,
  maxLength: 20,
});

function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** Changes that a hostile or broken peer may make to what a good one says. */
type Mutation = (bytes: Buffer) => Buffer;
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(
    ([at, value]): Mutation =>
      (bytes) => {
        const changed = Buffer.from(bytes);
        changed[at % bytes.length] = value;
        return changed;
      },
  ),
  fc.nat().map(
    (at): Mutation =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 20 })).map(
    ([at, more]): Mutation =>
      (bytes) => {
        const place = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)]);
      },
  ),
  fc.tuple(fc.nat(), fc.nat({ max: 40 })).map(
    ([at, count]): Mutation =>
      (bytes) => {
        const place = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + count)]);
      },
  ),
);

test("any fragmentation tells the same: the messages that were said", () => {
  fc.assert(
    fc.property(items, sizes, (said, lengths) => {
      const bytes = streamOf(said);
      const whole = new SessionRecorder().feed(bytes);
      expect(whole.error).toBeUndefined();
      const messages = said.flatMap(({ frames }) =>
        frames === undefined ? [] : [frames.map((one) => Buffer.from(one))],
      );
      expect(whole.messages).toEqual(messages);
      const pieces = new SessionRecorder().feedAll(cut(bytes, lengths));
      expect(pieces.told).toEqual(whole.told);
      expect(pieces.mostHeld).toBeLessThanOrEqual(MOST_HELD);
    }),
    { numRuns: 300 },
  );
});

test("mutated streams end in an error of their own or go on, the same however they are cut, and hold no more than the bounds", () => {
  fc.assert(
    fc.property(stream, fc.array(mutation, { minLength: 1, maxLength: 4 }), sizes, (good, mutations, lengths) => {
      const bytes = mutations.reduce<Buffer>(
        (changed, mutate) => (changed.length === 0 ? changed : mutate(changed)),
        good,
      );
      // `feed` throws on whatever is no ZmtpError.
      const whole = new SessionRecorder().feed(bytes);
      const pieces = new SessionRecorder().feedAll(cut(bytes, lengths));
      expect(pieces.told).toEqual(whole.told);
      expect(Math.max(whole.mostHeld, pieces.mostHeld)).toBeLessThanOrEqual(MOST_HELD);
      if (whole.error !== undefined) expect(whole.session.heldBytes).toBeLessThanOrEqual(9);
    }),
    { numRuns: 2_000 },
  );
});

test("noise behind a good preface ends in an error of its own or goes on", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), sizes, (noise, lengths) => {
      const recorder = new SessionRecorder().feedAll([DEALER_PREFACE, ...cut(Buffer.from(noise), lengths)]);
      expect(recorder.mostHeld).toBeLessThanOrEqual(MOST_HELD);
    }),
    { numRuns: 1_000 },
  );
});
