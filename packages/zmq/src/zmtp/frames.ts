/** RFC 37, "Framing": the bits of a frame's first byte; all others are zero. */
export const MORE = 1;
export const LONG = 2;
export const COMMAND = 4;
export const KNOWN_FLAGS: number = MORE | LONG | COMMAND;

export const SHORT_HEADER_BYTES = 2;
export const LONG_HEADER_BYTES = 9;
const LONGEST_SHORT_BODY = 255;
const WORD = 2 ** 32;

export function headerBytes(bodyBytes: number): number {
  return bodyBytes > LONGEST_SHORT_BODY ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
}

/** Writes a frame's header, and returns where its body begins. */
export function writeHeader(into: Buffer, at: number, flags: number, bodyBytes: number): number {
  if (bodyBytes <= LONGEST_SHORT_BODY) {
    into[at] = flags;
    into[at + 1] = bodyBytes;
    return at + SHORT_HEADER_BYTES;
  }
  into[at] = flags | LONG;
  into.writeUInt32BE(Math.floor(bodyBytes / WORD), at + 1);
  into.writeUInt32BE(bodyBytes % WORD, at + 5);
  return at + LONG_HEADER_BYTES;
}

/** A whole frame in a buffer of its own. */
export function encodeFrame(flags: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes(body.byteLength) + body.byteLength);
  frame.set(body, writeHeader(frame, 0, flags, body.byteLength));
  return frame;
}

/** The length that a long header tells at `at`; a number, however absurd. */
export function readLongSize(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * WORD + from.readUInt32BE(at + 4);
}
