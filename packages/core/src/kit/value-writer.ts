// Long because a codec is one table: a kind of value and how it is written, once for each.
import { types } from "node:util";
import { InvalidArgumentError, SerializationError } from "../errors.js";
import {
  explainRefusal,
  isPlainArray,
  isPlainDate,
  isPlainObject,
  MAX_DEPTH,
  type PayloadLimits,
  refusalWithoutPath,
} from "./payload-check.js";
import { writeAscii } from "./short-ascii.js";
import { ABSENT, BIGINT_EXTENSION, SHAPED, TIMESTAMP_EXTENSION } from "./value-format.js";
import { MAX_SHAPE_KEYS, type SentShape, type SentShapes, savedBytes } from "./value-shapes.js";

/** What of D2 a {@link ValueWriter} may write, and where it goes on when its buffer is full. */
export interface ValueWriterOptions extends PayloadLimits {
  /**
   * Called when fewer than `needed` bytes are left behind `position`. It replaces `bytes` by a buffer with room, copies what
   * the unfinished record holds so far, and sets `position` behind it. What it throws (a record over the limit, say) ends
   * the write and reaches the caller, unless the value itself turns out to be at fault.
   */
  onFull(writer: ValueWriter, needed: number): void;
}

/**
 * Writes records straight into a buffer of the driver's, values as MessagePack (see `value-format.ts`), and checks D2 in
 * the same walk.
 *
 * `bytes` and `position` are the driver's to set between records: a slab is filled from front to back, and a write that
 * throws is undone by setting `position` back to the record's start. Synchronous; a writer is used by one record at a time.
 */
export class ValueWriter {
  bytes: Buffer = EMPTY;
  /** Where the next byte goes. */
  position = 0;
  /** The connection's shapes, while what is written goes there and nowhere else. Undefined, as at first: objects are written plainly. */
  shapes: SentShapes | undefined = undefined;
  /** How many bytes the plain form of what was written would have more: the driver's to set back to 0, as `position`. */
  savedBytes = 0;
  readonly #options: ValueWriterOptions;
  /** How far `onFull` has moved the unfinished record, so that a header written before can be found again. */
  #moved = 0;

  constructor(options: ValueWriterOptions) {
    this.#options = options;
  }

  /** Makes sure that `count` bytes can be written behind `position`. */
  reserve(count: number): void {
    if (this.bytes.length - this.position < count) this.#full(count);
  }

  /** One byte, 0 to 255. */
  u8(value: number): void {
    if (this.position >= this.bytes.length) this.#full(1);
    this.bytes[this.position++] = value;
  }

  /** A whole number from 0 to 2^53-1 as LEB128: seven bits a byte, the lowest first. */
  varint(value: number): void {
    if (this.bytes.length - this.position < 8) this.#full(8);
    const bytes = this.bytes;
    let at = this.position;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.position = at;
  }

  /**
   * A name: its length in bytes as a varint, then UTF-8.
   * @throws SerializationError when it holds a lone surrogate.
   */
  text(value: string): void {
    const length = value.length;
    if (length < SHORT) {
      if (this.bytes.length - this.position <= length) this.#full(length + 1);
      const start = this.position + 1;
      if (writeAscii(this.bytes, start, value)) {
        this.bytes[start - 1] = length;
        this.position = start + length;
        return;
      }
    }
    if (!value.isWellFormed()) {
      throw new SerializationError("a text with a lone surrogate cannot travel; repair it with toWellFormed()");
    }
    const size = Buffer.byteLength(value);
    this.varint(size);
    if (this.bytes.length - this.position < size) this.#full(size);
    this.bytes.write(value, this.position, size, "utf8");
    this.position += size;
  }

  /** The bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    if (this.bytes.length - this.position < bytes.length) this.#full(bytes.length);
    this.bytes.set(bytes, this.position);
    this.position += bytes.length;
  }

  /**
   * A value of D2. `undefined` is written as null, at the top and in arrays; members that are `undefined` vanish, as do
   * symbol keys and what is not enumerable. A getter is read once and counts as what it gives.
   *
   * @param root what the path in an error begins with: `params`, `context`, `payload`. @default "value"
   * @throws SerializationError with `path`, such as `params.disks[2].size`, for anything outside D2.
   * @throws NotSupportedError for bytes, a bigint or a Date where the options do not claim it.
   * @throws what `onFull` threw. After any error the caller sets `position` back to the record's start.
   */
  value(value: unknown, root = "value"): void {
    try {
      this.#value(value, 0);
    } catch (error) {
      // Also where onFull refused the size: a cycle fills any buffer, and is the better explanation.
      throw (
        explainRefusal(value, root, this.#options) ?? (error === REFUSED ? refusalWithoutPath(root, undefined) : error)
      );
    }
  }

  #value(value: unknown, depth: number): void {
    if (typeof value === "string") this.#string(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "object" && value !== null) this.#object(value, depth);
    else if (typeof value === "boolean") this.u8(value ? 0xc3 : 0xc2);
    else if (value === null || value === undefined) this.u8(0xc0);
    else if (typeof value === "bigint") this.#bigint(value);
    else throw REFUSED;
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) this.#array(value, depth);
    else if (isPlainObject(value)) this.#map(value, depth);
    else if (types.isUint8Array(value)) this.#binary(value);
    else if (isPlainDate(value)) this.#date(value);
    else throw REFUSED;
  }

  #map(value: object, depth: number): void {
    if (depth >= MAX_DEPTH) throw REFUSED;
    const keys = Object.keys(value);
    const count = keys.length;
    if (this.shapes !== undefined && count > 0 && count <= MAX_SHAPE_KEYS) {
      const shape = this.shapes.find(keys);
      if (shape !== undefined) return this.#shaped(value, shape, depth);
    }
    const header = this.position - this.#moved;
    this.#head(0x80, 0xde, count);
    let seen = 0;
    let written = 0;
    // Faster than to read by a list of keys, and the same: an object's own keys come before any that it inherits.
    for (const key in value) {
      if (seen++ === count) break;
      const member = (value as Record<string, unknown>)[key]; // it is an object, and the key its own
      if (member === undefined) continue;
      this.#string(key);
      this.#value(member, depth + 1);
      written++;
    }
    if (written !== count) this.#correctHead(header + this.#moved, written);
  }

  #shaped(value: object, shape: SentShape, depth: number): void {
    if (this.bytes.length - this.position < 9) this.#full(9);
    this.bytes[this.position++] = SHAPED;
    this.varint(shape.id);
    this.savedBytes += shape.saved;
    const { keys } = shape;
    const count = keys.length;
    let written = 0;
    for (const key in value) {
      // A getter removed a member, or a proxy has others each time it is asked.
      if (written === count || key !== keys[written]) break;
      this.#member((value as Record<string, unknown>)[key], key, depth + 1); // it is an object, and the key its own
      written++;
    }
    for (; written < count; written++) {
      const key = keys[written] as string; // it is below the count
      this.#member(Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined, key, depth + 1); // it is an object
    }
  }

  #member(member: unknown, key: string, depth: number): void {
    if (member !== undefined) return this.#value(member, depth);
    this.u8(SHAPED);
    this.u8(ABSENT);
    this.savedBytes -= savedBytes(key) + 2;
  }

  /** The count that was written before some members were found to be undefined. It keeps its width, which MessagePack allows. */
  #correctHead(at: number, count: number): void {
    const bytes = this.bytes;
    if (bytes[at] === 0xde) bytes.writeUInt16BE(count, at + 1);
    else if (bytes[at] === 0xdf) bytes.writeUInt32BE(count, at + 1);
    else bytes[at] = 0x80 | count;
  }

  #array(value: readonly unknown[], depth: number): void {
    if (depth >= MAX_DEPTH || !isPlainArray(value)) throw REFUSED;
    const length = value.length;
    this.#head(0x90, 0xdc, length);
    for (let i = 0; i < length; i++) this.#value(value[i], depth + 1);
  }

  /** The head of an array or a map: the short form up to 15, else 16 or 32 bits. */
  #head(short: number, wide: number, count: number): void {
    if (this.bytes.length - this.position < 5) this.#full(5);
    const bytes = this.bytes;
    const at = this.position;
    if (count < 16) {
      bytes[at] = short | count;
      this.position = at + 1;
    } else if (count < 0x1_0000) {
      bytes[at] = wide;
      bytes[at + 1] = count >>> 8;
      bytes[at + 2] = count;
      this.position = at + 3;
    } else {
      bytes[at] = wide + 1;
      this.position = bytes.writeUInt32BE(count, at + 1);
    }
  }

  #string(value: string): void {
    const length = value.length;
    if (length < SHORT) {
      // Most strings are short ASCII, and for those a loop is cheaper than a call out of JavaScript.
      if (this.bytes.length - this.position < length + 2) this.#full(length + 2);
      const bytes = this.bytes;
      const start = length < 32 ? this.position + 1 : this.position + 2;
      if (writeAscii(bytes, start, value)) {
        if (length < 32) {
          bytes[start - 1] = 0xa0 | length;
        } else {
          bytes[start - 2] = 0xd9;
          bytes[start - 1] = length;
        }
        this.position = start + length;
        return;
      }
    }
    this.#longString(value);
  }

  #longString(value: string): void {
    if (!value.isWellFormed()) throw REFUSED;
    const most = value.length * 3;
    if (most < 0x1_0000 && this.bytes.length - this.position >= most + 3) this.#stringOfAtMost(value, most);
    else if (value.length >= 0x100) this.#longAscii(value);
    else this.#stringOf(value, Buffer.byteLength(value));
  }

  /** In one pass: the length's width is chosen before the length is known, and may be a byte wider than it had to be. */
  #stringOfAtMost(value: string, most: number): void {
    const bytes = this.bytes;
    const at = this.position;
    if (most < 0x100) {
      const size = bytes.write(value, at + 2, "utf8");
      bytes[at] = 0xd9;
      bytes[at + 1] = size;
      this.position = at + 2 + size;
    } else {
      const size = bytes.write(value, at + 3, "utf8");
      bytes[at] = 0xda;
      bytes[at + 1] = size >>> 8;
      bytes[at + 2] = size;
      this.position = at + 3 + size;
    }
  }

  /** In one pass where it is ASCII: what had four bytes more than it took was not cut off, since no character needs more. */
  #longAscii(value: string): void {
    const length = value.length;
    if (this.bytes.length - this.position < length + 9) this.#full(length + 9);
    const bytes = this.bytes;
    const at = this.position;
    const start = length < 0x1_0000 ? at + 3 : at + 5;
    if (bytes.write(value, start, length + 4, "utf8") > length) {
      this.#stringOf(value, Buffer.byteLength(value));
      return;
    }
    if (length < 0x1_0000) {
      bytes[at] = 0xda;
      bytes.writeUInt16BE(length, at + 1);
    } else {
      bytes[at] = 0xdb;
      bytes.writeUInt32BE(length, at + 1);
    }
    this.position = start + length;
  }

  #stringOf(value: string, size: number): void {
    if (this.bytes.length - this.position < size + 5) this.#full(size + 5);
    const bytes = this.bytes;
    let at = this.position;
    if (size < 32) bytes[at++] = 0xa0 | size;
    else if (size < 0x100) {
      bytes[at++] = 0xd9;
      bytes[at++] = size;
    } else if (size < 0x1_0000) {
      bytes[at++] = 0xda;
      bytes[at++] = size >>> 8;
      bytes[at++] = size;
    } else {
      bytes[at] = 0xdb;
      at = bytes.writeUInt32BE(size, at + 1);
    }
    bytes.write(value, at, size, "utf8");
    this.position = at + size;
  }

  #number(value: number): void {
    if (this.bytes.length - this.position < 9) this.#full(9);
    const bytes = this.bytes;
    const at = this.position;
    // (-0 | 0) is 0, and 0 === -0: the sign of a zero must be asked for.
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= -32 && value < 128) {
        bytes[at] = value;
        this.position = at + 1;
      } else if (value >= -128 && value < 0x100) {
        bytes[at] = value < 0 ? 0xd0 : 0xcc;
        bytes[at + 1] = value;
        this.position = at + 2;
      } else if (value >= -0x8000 && value < 0x1_0000) {
        bytes[at] = value < 0 ? 0xd1 : 0xcd;
        bytes[at + 1] = value >> 8;
        bytes[at + 2] = value;
        this.position = at + 3;
      } else {
        bytes[at] = value < 0 ? 0xd2 : 0xce;
        bytes[at + 1] = value >> 24;
        bytes[at + 2] = value >> 16;
        bytes[at + 3] = value >> 8;
        bytes[at + 4] = value;
        this.position = at + 5;
      }
      return;
    }
    if (!Number.isFinite(value)) throw REFUSED;
    bytes[at] = 0xcb;
    this.position = bytes.writeDoubleBE(value, at + 1);
  }

  #binary(value: Uint8Array): void {
    if (this.#options.binary === false) throw REFUSED;
    const size = value.length;
    if (this.bytes.length - this.position < size + 5) this.#full(size + 5);
    const bytes = this.bytes;
    let at = this.position;
    if (size < 0x100) {
      bytes[at++] = 0xc4;
      bytes[at++] = size;
    } else if (size < 0x1_0000) {
      bytes[at++] = 0xc5;
      bytes[at++] = size >>> 8;
      bytes[at++] = size;
    } else {
      bytes[at] = 0xc6;
      at = bytes.writeUInt32BE(size, at + 1);
    }
    bytes.set(value, at);
    this.position = at + size;
  }

  /** MessagePack's timestamp: 34 bits of seconds where they do, else 64, signed. */
  #date(value: Date): void {
    const time = value.getTime();
    if (this.#options.date === false || Number.isNaN(time)) throw REFUSED;
    if (this.bytes.length - this.position < 15) this.#full(15);
    const bytes = this.bytes;
    const at = this.position;
    const seconds = Math.floor(time / 1000);
    const nanoseconds = (time - seconds * 1000) * 1_000_000;
    const high = Math.floor(seconds / 0x1_0000_0000);
    if (high >= 0 && high < 4) {
      bytes[at] = 0xd7;
      bytes[at + 1] = TIMESTAMP_EXTENSION;
      bytes.writeUInt32BE(nanoseconds * 4 + high, at + 2);
      this.position = bytes.writeUInt32BE(seconds >>> 0, at + 6);
    } else {
      bytes[at] = 0xc7;
      bytes[at + 1] = 12;
      bytes[at + 2] = TIMESTAMP_EXTENSION;
      bytes.writeUInt32BE(nanoseconds, at + 3);
      bytes.writeInt32BE(high, at + 7);
      this.position = bytes.writeUInt32BE(seconds >>> 0, at + 11);
    }
  }

  /** An extension of ours: a byte for the sign (1: negative), then the magnitude, its highest byte first and not 0. */
  #bigint(value: bigint): void {
    if (this.#options.bigint === false) throw REFUSED;
    const magnitude = value < 0n ? -value : value;
    let hex = magnitude === 0n ? "" : magnitude.toString(16);
    if (hex.length % 2 === 1) hex = `0${hex}`;
    const size = hex.length / 2 + 1;
    if (this.bytes.length - this.position < size + 6) this.#full(size + 6);
    const bytes = this.bytes;
    let at = this.position;
    if (size < 0x100) {
      bytes[at++] = 0xc7;
      bytes[at++] = size;
    } else if (size < 0x1_0000) {
      bytes[at++] = 0xc8;
      at = bytes.writeUInt16BE(size, at);
    } else {
      bytes[at] = 0xc9;
      at = bytes.writeUInt32BE(size, at + 1);
    }
    bytes[at++] = BIGINT_EXTENSION;
    bytes[at++] = value < 0n ? 1 : 0;
    bytes.write(hex, at, "hex");
    this.position = at + size - 1;
  }

  #full(needed: number): void {
    const before = this.position;
    this.#options.onFull(this, needed);
    this.#moved += this.position - before;
    if (this.bytes.length - this.position < needed) {
      throw new InvalidArgumentError(`onFull must leave ${needed} bytes, left ${this.bytes.length - this.position}`);
    }
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

/** Up to this many characters a loop beats the native write. */
const SHORT = 48;

/** Thrown inside a walk, never out of it; made once, for a stack that nobody reads. */
const REFUSED: Error = new Error("refused");

/**
 * The bytes of one value, in a buffer of its own.
 *
 * @throws as `ValueWriter.value`.
 */
export function encodeValue(value: unknown, options: PayloadLimits & { readonly root?: string } = {}): Buffer {
  const writer = new ValueWriter({
    ...options,
    onFull(full, needed) {
      const grown = Buffer.allocUnsafe(Math.max(256, full.bytes.length * 2, full.position + needed));
      full.bytes.copy(grown, 0, 0, full.position);
      full.bytes = grown;
    },
  });
  writer.value(value, options.root);
  return writer.bytes.subarray(0, writer.position);
}
