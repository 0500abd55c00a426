import { afterEach, expect, test, vi } from "vitest";
import { heldArrayBuffers } from "../support/array-buffers.js";
import { SessionRecorder, TEST_BOUNDS } from "../support/session-recorder.js";
import { DEALER_PREFACE, frameBytes } from "../support/zmtp-bytes.js";

const CHUNK_BYTES = 64 * 1024;
/** What Node's pool and the runner may take meanwhile. */
const SLACK_BYTES = 1024 * 1024;

afterEach(() => {
  vi.restoreAllMocks();
});

/** A chunk of its own, as a socket gives it: messages that nobody keeps, and these bytes at its end. */
function chunkWith(last: Buffer): Buffer {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const filler = frameBytes(Buffer.alloc(CHUNK_BYTES - last.length - 9));
  filler.copy(chunk);
  last.copy(chunk, filler.length);
  return chunk;
}

test.each([
  ["a frame of a message that has more", frameBytes("x".repeat(40), 1)],
  ["a frame that has begun", frameBytes("x".repeat(200)).subarray(0, 60)],
  ["a header that has begun", Buffer.from("0200", "hex")],
])("a session that holds %s holds none of the chunk around it", async (_what, last) => {
  const count = 400;
  const before = await heldArrayBuffers();
  const sessions = Array.from({ length: count }, () => {
    const recorder = new SessionRecorder();
    recorder.session.receive(DEALER_PREFACE);
    recorder.session.receive(chunkWith(last));
    expect(recorder.messages).toHaveLength(1);
    recorder.messages.length = 0;
    return recorder;
  });
  const held = sessions.reduce((sum, { session }) => sum + session.heldBytes, 0);
  expect(held).toBeGreaterThanOrEqual(count * Math.min(40, last.length));
  // The chunks together had 26 MB.
  expect((await heldArrayBuffers()) - before).toBeLessThan(2 * held + SLACK_BYTES);
  expect(sessions[0]?.session.isReady).toBe(true);
});

test("what a peer said of itself holds none of the chunk that it came in", async () => {
  const before = await heldArrayBuffers();
  const recorders = Array.from({ length: 400 }, () => {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    chunk.fill(0);
    DEALER_PREFACE.copy(chunk);
    frameBytes(Buffer.alloc(CHUNK_BYTES - DEALER_PREFACE.length - 9)).copy(chunk, DEALER_PREFACE.length);
    const recorder = new SessionRecorder();
    recorder.session.receive(chunk);
    expect(recorder.messages).toHaveLength(1);
    recorder.messages.length = 0;
    return recorder;
  });
  expect((await heldArrayBuffers()) - before).toBeLessThan(SLACK_BYTES);
  expect(recorders.every(({ peers }) => peers.length === 1)).toBe(true);
});

test.each([7, 100, 1_460, 65_536])(
  "in pieces of %i bytes each byte of a large frame is copied less than one and a half times",
  (length) => {
    const size = 4_000_000;
    const bounds = { ...TEST_BOUNDS, maxFrameBytes: size, maxMessageBytes: size };
    const recorder = new SessionRecorder({ bounds });
    recorder.session.receive(DEALER_PREFACE);
    const frame = frameBytes(Buffer.alloc(size, 7));
    const copy = Buffer.prototype.copy;
    let copied = 0;
    vi.spyOn(Buffer.prototype, "copy").mockImplementation(function (this: Buffer, ...args) {
      const bytes = copy.apply(this, args);
      copied += bytes;
      return bytes;
    });
    for (let at = 0; at < frame.length; at += length) recorder.session.receive(frame.subarray(at, at + length));
    vi.restoreAllMocks();
    expect(recorder.messages[0]?.[0]?.equals(frame.subarray(9))).toBe(true);
    expect(copied).toBeGreaterThanOrEqual(size - length);
    expect(copied).toBeLessThan(1.5 * size);
  },
);
