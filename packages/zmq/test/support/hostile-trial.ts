import { type HostileStream, hostileStream } from "./hostile-streams.js";
import { SessionRecorder, TEST_BOUNDS } from "./session-recorder.js";
import { DEALER_PREFACE, frameBytes } from "./zmtp-bytes.js";

const HEADER_BYTES = 9;
/** Whatever a session holds: a message's frames, one more that has begun, with its room to grow, and a header. */
export const MOST_HELD: number = TEST_BOUNDS.maxMessageBytes + 2 * TEST_BOUNDS.maxFrameBytes + HEADER_BYTES;
/** Room for a body that has only begun, whatever it is said to have. */
const LEAST_ROOM_BYTES = 4 * 1024;
/** Each byte that came may be held in a message's frames, and four times as room for the rest. */
const HELD_PER_BYTE = 5;
const MOST_SAID_IN_HANDSHAKE = 600;
const MOST_SAID_PER_PING = 32;
const MOST_ERROR_CHARACTERS = 400;

export interface Tally {
  /** Streams that were refused, by the code of their error; "" for those that were not. */
  readonly byCode: Map<string, number>;
  messages: number;
  bytes: number;
}

export const newTally = (): Tally => ({ byCode: new Map(), messages: 0, bytes: 0 });

/**
 * Lets sessions hear the streams of these numbers.
 * @throws Error: one of them did what no stream may do. It names the number, and has the shortest stream that was found to do so too.
 */
export function tryStreams(from: number, count: number, tally: Tally): void {
  for (let seed = from; seed < from + count; seed++) {
    const stream = hostileStream(seed);
    const fault = faultOf(stream, tally);
    if (fault === undefined) continue;
    const shortest = shorten(stream);
    throw new Error(
      `TRUNKLINE_SEED=${seed}, ${stream.what}: ${fault}\n` +
        `its ${shortest.bytes.length} bytes: ${shortest.bytes.toString("hex").slice(0, 4_000)}\n` +
        `in pieces of ${shortest.pieces.map(({ length }) => length).join(", ")}`,
    );
  }
}

/** What is wrong with what sessions do with it; undefined: nothing. */
function faultOf(stream: HostileStream, tally?: Tally): string | undefined {
  try {
    const whole = new SessionRecorder(stream.options).feed(stream.bytes);
    const pieces = new SessionRecorder(stream.options);
    let came = 0;
    for (const piece of stream.pieces) {
      pieces.feed(piece);
      came += piece.length;
      const held = pieces.session.heldBytes;
      if (held > MOST_HELD) return `${held} bytes are held, beyond the bounds`;
      if (held > HELD_PER_BYTE * came + LEAST_ROOM_BYTES + HEADER_BYTES) return `${held} bytes are held of ${came}`;
    }
    const told = JSON.stringify(whole.told);
    if (told !== JSON.stringify(pieces.told)) return `whole it tells ${told}, in pieces ${JSON.stringify(pieces.told)}`;
    if (tally !== undefined) count(tally, whole, stream.bytes.length);
    return faultAfterwards(whole) ?? faultAfterwards(pieces);
  } catch (error) {
    return `it threw ${error instanceof Error ? error.stack : String(error)}`;
  }
}

function faultAfterwards(recorder: SessionRecorder): string | undefined {
  const said = recorder.written.reduce((sum, bytes) => sum + bytes.length, 0);
  if (said > MOST_SAID_IN_HANDSHAKE + MOST_SAID_PER_PING * recorder.pings.length) return `it answered ${said} bytes`;
  const { error } = recorder;
  if (error === undefined) return undefined;
  if (error.message.length > MOST_ERROR_CHARACTERS) return "its error is too long to be read";
  if (/[^ -~]/.test(error.message)) return `its error is no plain text: ${JSON.stringify(error.message)}`;
  if (recorder.session.heldBytes > HEADER_BYTES) return "bytes are held after the end";
  const told = timesTold(recorder);
  recorder.feed(DEALER_PREFACE, frameBytes("more"));
  return timesTold(recorder) === told ? undefined : "it goes on after its end";
}

function timesTold({ messages, peers, pings, written }: SessionRecorder): number {
  return messages.length + peers.length + pings.length + written.length;
}

function count(tally: Tally, { error, messages }: SessionRecorder, bytes: number): void {
  const code = error?.code ?? "";
  tally.byCode.set(code, (tally.byCode.get(code) ?? 0) + 1);
  tally.messages += messages.length;
  tally.bytes += bytes;
}

/** Leaves out what it can do without. */
function shorten(stream: HostileStream): HostileStream {
  let shortest = stream;
  for (let length = stream.bytes.length >> 1; length > 0; length >>= 1) {
    for (let at = 0; at < shortest.bytes.length; ) {
      const less = without(shortest, at, length);
      if (faultOf(less) === undefined) at += length;
      else shortest = less;
    }
  }
  return shortest;
}

/** The same cuts, as far as they are left. */
function without(stream: HostileStream, at: number, length: number): HostileStream {
  const pieces: Buffer[] = [];
  let start = 0;
  for (const piece of stream.pieces) {
    const keep = [...piece].filter((_, index) => start + index < at || start + index >= at + length);
    if (keep.length > 0) pieces.push(Buffer.from(keep));
    start += piece.length;
  }
  return { ...stream, bytes: Buffer.concat(pieces), pieces };
}

/** In one line, the most frequent first. */
export function describeTally({ byCode, messages, bytes }: Tally): string {
  const codes = [...byCode].sort(([, a], [, b]) => b - a).map(([code, times]) => `${code || "taken"} ${times}`);
  return `${codes.join(", ")}; ${messages} messages of ${(bytes / 1e6).toFixed(0)} MB`;
}
