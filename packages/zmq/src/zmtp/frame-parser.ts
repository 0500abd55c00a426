import { type BodyPool, pooledRoom } from "./body-pool.js";
import { COMMAND, KNOWN_FLAGS, LONG, LONG_HEADER_BYTES, MORE, readLongSize, SHORT_HEADER_BYTES } from "./frames.js";
import { ZmtpError } from "./zmtp-error.js";

/** Room for a body of which next to nothing has come, whatever length its header tells; as much comes from Node's pool. */
const LEAST_ROOM_BYTES = 4 * 1024;
/** Then so many times what has come: each byte is copied little more than once. */
const GROWTH = 4;

const NOTHING: Buffer = Buffer.alloc(0);

export interface FrameSink {
  /** The largest body of a message's frame, asked for each. Negative: no message may come now. */
  readonly maxFrameBytes: number;
  readonly maxCommandBytes: number;
  /** The bytes are not touched again; they may be a part of a larger chunk. */
  onCommand(body: Buffer): void;
  /** As of a command; but with a pool, those of a frame that has no more behind it are the sink's for this call only. */
  onMessageFrame(body: Buffer, hasMore: boolean): void;
}

/**
 * Cuts a stream into frames, however it was cut before.
 *
 * A frame that lies whole in one chunk is a slice of it. One that does not is gathered in a buffer of its own, whose room follows
 * what has come and not what was announced.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #pool: BodyPool | undefined;
  readonly #header: Buffer = Buffer.alloc(LONG_HEADER_BYTES);
  #headerHave = 0;
  #flags = 0;
  /** Of the body that is being gathered. */
  #size = 0;
  #body: Buffer = NOTHING;
  #bodyHave = 0;
  #isInBody = false;
  #isStopped = false;

  /** @param pool where large bodies are gathered. @default each has a buffer of its own */
  constructor(sink: FrameSink, pool?: BodyPool) {
    this.#sink = sink;
    this.#pool = pool;
  }

  /** What is held of a frame that is not complete. */
  get heldBytes(): number {
    return this.#headerHave + this.#body.length;
  }

  /** Nothing more is told, not even what is left of the chunk in hand. */
  stop(): void {
    this.#isStopped = true;
    const body = this.#body;
    this.#body = NOTHING;
    this.#poolFor(this.#flags)?.give(body);
  }

  /** @throws ZmtpError; and what the sink throws. After either, the parser is of no more use. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isStopped) {
      if (this.#isInBody) at = this.#gather(chunk, at);
      else if (this.#headerHave > 0) at = this.#resumeHeader(chunk, at);
      else at = this.#readHeader(chunk, at);
    }
  }

  #readHeader(chunk: Buffer, at: number): number {
    const flags = chunk[at] ?? 0;
    checkFlags(flags);
    const isLong = (flags & LONG) !== 0;
    const bodyAt = at + (isLong ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
    if (bodyAt > chunk.length) {
      this.#headerHave = chunk.copy(this.#header, 0, at);
      return chunk.length;
    }
    return this.#begin(flags, isLong ? readLongSize(chunk, at + 1) : (chunk[at + 1] ?? 0), chunk, bodyAt);
  }

  #resumeHeader(chunk: Buffer, at: number): number {
    const flags = this.#header[0] ?? 0;
    const isLong = (flags & LONG) !== 0;
    const needed = isLong ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
    const end = Math.min(chunk.length, at + needed - this.#headerHave);
    this.#headerHave += chunk.copy(this.#header, this.#headerHave, at, end);
    if (this.#headerHave < needed) return end;
    this.#headerHave = 0;
    return this.#begin(flags, isLong ? readLongSize(this.#header, 1) : (this.#header[1] ?? 0), chunk, end);
  }

  #begin(flags: number, size: number, chunk: Buffer, at: number): number {
    const isCommand = (flags & COMMAND) !== 0;
    const bound = isCommand ? this.#sink.maxCommandBytes : this.#sink.maxFrameBytes;
    if (bound < 0) throw new ZmtpError("handshake", "it sent a message before the handshake was done");
    if (size > bound) {
      throw new ZmtpError(
        "too-large",
        `it sent a ${isCommand ? "command" : "frame"} of ${size} bytes; the bound is ${bound}`,
      );
    }
    if (chunk.length - at >= size) {
      this.#emit(flags, chunk.subarray(at, at + size));
      return at + size;
    }
    this.#flags = flags;
    this.#size = size;
    this.#body = this.#poolFor(flags)?.take(size) ?? this.#firstRoom(chunk.length - at);
    this.#bodyHave = 0;
    this.#isInBody = true;
    return at === chunk.length ? at : this.#gather(chunk, at);
  }

  #firstRoom(have: number): Buffer {
    const room = Math.min(this.#size, Math.max(LEAST_ROOM_BYTES, have * GROWTH));
    return room <= LEAST_ROOM_BYTES ? Buffer.allocUnsafe(room) : Buffer.allocUnsafeSlow(room);
  }

  /** Frames of messages with several are kept until the last has come; commands are small. */
  #poolFor(flags: number): BodyPool | undefined {
    return (flags & (COMMAND | MORE)) === 0 ? this.#pool : undefined;
  }

  #gather(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#size - this.#bodyHave);
    this.#makeRoom(this.#bodyHave + end - at);
    this.#bodyHave += chunk.copy(this.#body, this.#bodyHave, at, end);
    if (this.#bodyHave < this.#size) return end;
    const body = this.#body;
    this.#body = NOTHING;
    this.#isInBody = false;
    const pool = this.#poolFor(this.#flags);
    this.#emit(this.#flags, body.length > this.#size ? body.subarray(0, this.#size) : body);
    pool?.give(body);
    return end;
  }

  #makeRoom(needed: number): void {
    if (needed <= this.#body.length) return;
    const whole = this.#poolFor(this.#flags) === undefined ? this.#size : pooledRoom(this.#size);
    const grown = Buffer.allocUnsafeSlow(Math.min(whole, needed * GROWTH));
    this.#body.copy(grown, 0, 0, this.#bodyHave);
    this.#body = grown;
  }

  #emit(flags: number, body: Buffer): void {
    if ((flags & COMMAND) === 0) this.#sink.onMessageFrame(body, (flags & MORE) !== 0);
    else this.#sink.onCommand(body);
  }
}

function checkFlags(flags: number): void {
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new ZmtpError("frame", `a frame begins with 0x${flags.toString(16)}`);
  if ((flags & COMMAND) !== 0 && (flags & MORE) !== 0) throw new ZmtpError("frame", "a command has more frames");
}
