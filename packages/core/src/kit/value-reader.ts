// Long because a codec is one table: a type byte and what it means, once for each.
import { isAscii, isUtf8 } from "node:buffer";
import type { Value } from "../value.js";
import { MAX_DEPTH } from "./payload-check.js";
import { LONGEST_SHORT, shortAscii } from "./short-ascii.js";
import { ABSENT, BIGINT_EXTENSION, SHAPED, TIMESTAMP_EXTENSION } from "./value-format.js";

/**
 * The peer's bytes are not what the format says: truncated, of an unknown type, too deep, not UTF-8.
 *
 * It is the driver's to catch, count and report as dropped (F1), and never reaches an application.
 */
export class MalformedError extends Error {
  /** Where in the buffer, in bytes. */
  readonly position: number;

  constructor(reason: string, position: number) {
    super(`${reason} at byte ${position}`);
    this.name = "MalformedError";
    this.position = position;
  }
}

/** The keys of the shapes that were announced, by their numbers. */
export interface ShapeNames {
  /** A record begins, of whose objects the shapes may stand for so many bytes of keys as are allowed. */
  begin(): void;
  /** Of one object. Undefined for a number that was not announced. @throws MalformedError where this record's shapes stand for too much. */
  keysOf(id: number): readonly string[] | undefined;
}

/**
 * Reads what `ValueWriter` writes, trusting nothing (F1): every length is checked against what is left before anything is
 * made, nesting ends at 1 000, only the types of `value-format.ts` are taken, keys are strings, and `__proto__` is a key
 * like any other. What it returns shares no memory with the buffer.
 *
 * Every method moves `position` behind what it read, and throws {@link MalformedError}, never anything else; `position`
 * then means nothing. Keep one reader for each peer: it remembers the keys that come often.
 */
export class ValueReader {
  bytes: Buffer = EMPTY;
  /** The next byte to read. */
  position = 0;
  /** Where reading stops; never beyond the buffer. */
  end = 0;
  /** The shapes that objects may be written by. Undefined, as at first: by none, and one that is makes the value malformed. */
  shapes: ShapeNames | undefined = undefined;
  /** From the second `reset` on: a reader that serves once would pay for the table and gain nothing. */
  #keys: (KnownKey | undefined)[] | undefined;
  #isReused = false;
  /** Where in `#keys` the last key is: the one that came after it last time is guessed first. */
  #lastKey = 0;

  /** Begins to read `bytes` from `start` (0) up to `end` (their length). Both are held within the buffer. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = Math.max(0, Math.min(end, bytes.length));
    this.position = Math.max(0, Math.min(start, this.end));
    if (this.#isReused) this.#keys ??= new Array<KnownKey | undefined>(KNOWN_KEYS);
    this.#isReused = true;
  }

  u8(): number {
    if (this.position >= this.end) throw this.#truncated();
    return byteAt(this.bytes, this.position++);
  }

  /** As `ValueWriter.varint` writes it. Refuses more than eight bytes and more than 2^53-1. */
  varint(): number {
    const bytes = this.bytes;
    const start = this.position;
    if (start >= this.end) throw this.#truncated();
    const first = byteAt(bytes, start);
    if (first < 0x80) {
      this.position = start + 1;
      return first;
    }
    let value = first & 0x7f;
    let scale = 128;
    const limit = Math.min(this.end, start + 8);
    for (let at = start + 1; at < limit; at++) {
      const byte = byteAt(bytes, at);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new MalformedError("a number over 2^53-1", start);
        this.position = at + 1;
        return value;
      }
      scale *= 128;
    }
    throw limit === this.end && limit < start + 8
      ? this.#truncated()
      : new MalformedError("a number over 2^53-1", start);
  }

  /** As `ValueWriter.text` writes it. */
  text(): string {
    return this.#string(this.varint());
  }

  /** A copy of the next `length` bytes. */
  raw(length: number): Uint8Array {
    const start = this.position;
    if (!(length >= 0 && length <= this.end - start)) throw this.#truncated();
    this.position = start + length;
    // A typed array made from another is a copy; it must not hold the whole frame in memory.
    return new Uint8Array(this.bytes.subarray(start, start + length));
  }

  value(): Value {
    return this.#value(0);
  }

  /** Passes over one value and checks that it is one: all that `value` checks but the UTF-8 and the contents of extensions. */
  skip(): void {
    this.#skip(0);
  }

  #value(depth: number): Value {
    const at = this.position;
    if (at >= this.end) throw this.#truncated();
    const byte = byteAt(this.bytes, at);
    this.position = at + 1;
    if (byte < 0x80) return byte;
    if (byte >= 0xe0) return byte - 0x100;
    if (byte >= 0xa0 && byte < 0xc0) return this.#string(byte & 0x1f);
    if (byte < 0x90) return this.#map(byte & 0x0f, depth);
    if (byte < 0xa0) return this.#array(byte & 0x0f, depth);
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xcc:
        return this.u8();
      case 0xcd:
        return this.bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return this.bytes.readUInt32BE(this.#take(4));
      case 0xcf:
        return this.#integer64(Number(this.bytes.readBigUInt64BE(this.#take(8))), at);
      case 0xd0:
        return this.bytes.readInt8(this.#take(1));
      case 0xd1:
        return this.bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return this.bytes.readInt32BE(this.#take(4));
      case 0xd3:
        return this.#integer64(Number(this.bytes.readBigInt64BE(this.#take(8))), at);
      case 0xca:
        return this.#finite(this.bytes.readFloatBE(this.#take(4)), at);
      case 0xcb:
        return this.#finite(this.bytes.readDoubleBE(this.#take(8)), at);
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.raw(this.#length(byte - 0xc4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#length(byte - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(byte - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(byte - 0xdd), depth);
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(byte - 0xc7), at);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (byte - 0xd4), at);
      case SHAPED:
        return this.#shaped(depth);
      default:
        throw unknownType(byte, at);
    }
  }

  #skip(depth: number): void {
    const at = this.position;
    if (at >= this.end) throw this.#truncated();
    const byte = byteAt(this.bytes, at);
    this.position = at + 1;
    if (byte < 0x80 || byte >= 0xe0) return;
    if (byte < 0x90) this.#skipMap(byte & 0x0f, depth);
    else if (byte < 0xa0) this.#skipArray(byte & 0x0f, depth);
    else if (byte < 0xc0) this.#pass(byte & 0x1f);
    else this.#skipWide(byte, depth);
  }

  #skipWide(byte: number, depth: number): void {
    switch (byte) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return;
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        this.#pass(1 << (byte - 0xcc));
        return;
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        this.#pass(1 << (byte - 0xd0));
        return;
      case 0xca:
        this.#pass(4);
        return;
      case 0xcb:
        this.#pass(8);
        return;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        this.#pass(this.#length(byte - 0xc4));
        return;
      case 0xd9:
      case 0xda:
      case 0xdb:
        this.#pass(this.#length(byte - 0xd9));
        return;
      case 0xdc:
      case 0xdd:
        this.#skipArray(this.#length(byte - 0xdb), depth);
        return;
      case 0xde:
      case 0xdf:
        this.#skipMap(this.#length(byte - 0xdd), depth);
        return;
      case 0xc7:
      case 0xc8:
      case 0xc9:
        this.#pass(this.#length(byte - 0xc7) + 1);
        return;
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        this.#pass((1 << (byte - 0xd4)) + 1);
        return;
      case SHAPED:
        this.#skipShaped(depth);
        return;
      default:
        throw unknownType(byte, this.position - 1);
    }
  }

  #skipArray(count: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw this.#tooDeep();
    if (count > this.end - this.position) throw this.#truncated();
    for (let i = 0; i < count; i++) this.#skip(depth + 1);
  }

  #skipMap(count: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw this.#tooDeep();
    if (count * 2 > this.end - this.position) throw this.#truncated();
    for (let i = 0; i < count; i++) {
      this.#pass(this.#keyLength());
      this.#skip(depth + 1);
    }
  }

  #skipShaped(depth: number): void {
    const { length } = this.#shapeKeys(depth);
    for (let i = 0; i < length; i++) if (!this.#isAbsent()) this.#skip(depth + 1);
  }

  #pass(count: number): void {
    this.position = this.#take(count) + count;
  }

  /** Moves behind the next `count` bytes and returns where they begin. */
  #take(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw this.#truncated();
    this.position = start + count;
    return start;
  }

  /** A length of 8, 16 or 32 bits for 0, 1, 2. */
  #length(width: number): number {
    if (width === 0) return this.u8();
    return width === 1 ? this.bytes.readUInt16BE(this.#take(2)) : this.bytes.readUInt32BE(this.#take(4));
  }

  #array(count: number, depth: number): Value[] {
    if (depth >= MAX_DEPTH) throw this.#tooDeep();
    if (count > this.end - this.position) throw this.#truncated();
    if (count <= FEW) {
      const array = new Array<Value>(count);
      for (let i = 0; i < count; i++) array[i] = this.#value(depth + 1);
      return array;
    }
    // Grown by what really comes: nested counts that promise all that is left would otherwise each reserve it.
    const array: Value[] = [];
    for (let i = 0; i < count; i++) array.push(this.#value(depth + 1));
    return array;
  }

  #map(count: number, depth: number): Value {
    if (depth >= MAX_DEPTH) throw this.#tooDeep();
    if (count * 2 > this.end - this.position) throw this.#truncated();
    const map: Record<string, Value> = {};
    for (let i = 0; i < count; i++) {
      const key = this.#key();
      const member = this.#value(depth + 1);
      if (key === "__proto__") defineProto(map, member);
      else map[key] = member;
    }
    return map;
  }

  #shaped(depth: number): Value {
    const keys = this.#shapeKeys(depth);
    const { length } = keys;
    const map: Record<string, Value> = {};
    // No key is `__proto__`: no table takes it.
    for (let i = 0; i < length; i++) if (!this.#isAbsent()) map[keys[i] as string] = this.#value(depth + 1); // i is below the length
    return map;
  }

  /** Stands behind the marker. The keys of the shape whose number follows, each of which has a byte at least. */
  #shapeKeys(depth: number): readonly string[] {
    const at = this.position - 1;
    if (this.shapes === undefined) throw unknownType(SHAPED, at);
    const keys = this.shapes.keysOf(this.varint());
    if (keys === undefined) throw new MalformedError("a shape that was not announced", at);
    if (depth >= MAX_DEPTH) throw this.#tooDeep();
    if (keys.length > this.end - this.position) throw this.#truncated();
    return keys;
  }

  /** Passes over a member that is not there. */
  #isAbsent(): boolean {
    const at = this.position;
    if (this.bytes[at] !== SHAPED || at + 1 >= this.end || this.bytes[at + 1] !== ABSENT) return false;
    this.position = at + 2;
    return true;
  }

  #key(): string {
    const length = this.#keyLength();
    const start = this.position;
    if (length > this.end - start) throw this.#truncated();
    if (length > LONGEST_KNOWN_KEY) return this.#string(length);
    const keys = this.#keys;
    if (keys === undefined) return this.#string(length);
    const bytes = this.bytes;
    const last = keys[this.#lastKey];
    if (last !== undefined) {
      const guess = keys[last.next];
      if (guess !== undefined && isSame(guess.bytes, length, bytes, start)) {
        this.#lastKey = last.next;
        this.position = start + length;
        return guess.key;
      }
    }
    let hash = length;
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + byteAt(bytes, start + i)) | 0;
    const slot = (hash ^ (hash >>> 11)) & (KNOWN_KEYS - 1);
    if (last !== undefined) last.next = slot;
    this.#lastKey = slot;
    const known = keys[slot];
    if (known !== undefined && isSame(known.bytes, length, bytes, start)) {
      this.position = start + length;
      return known.key;
    }
    const key = internalized(this.#string(length));
    keys[slot] = { key, bytes: new Uint8Array(bytes.subarray(start, start + length)), next: slot };
    return key;
  }

  #keyLength(): number {
    const at = this.position;
    const byte = this.u8();
    if (byte >= 0xa0 && byte < 0xc0) return byte & 0x1f;
    if (byte >= 0xd9 && byte <= 0xdb) return this.#length(byte - 0xd9);
    throw new MalformedError("a key that is no string", at);
  }

  #string(length: number): string {
    const start = this.position;
    if (length > this.end - start) throw this.#truncated();
    const stop = start + length;
    this.position = stop;
    const bytes = this.bytes;
    if (length <= LONGEST_SHORT) {
      const short = shortAscii(bytes, start, length);
      if (short !== undefined) return short;
    }
    if (length >= LARGE && isAscii(bytes.subarray(start, stop))) return bytes.toString("latin1", start, stop);
    const text = bytes.toString("utf8", start, stop);
    // Decoding puts U+FFFD for what is not UTF-8; only where one is seen is it worth asking whether it was sent.
    if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, stop)))
      throw new MalformedError("a string that is not UTF-8", start);
    return text;
  }

  #integer64(value: number, at: number): number {
    // Our writer sends larger ones as float 64; an integer that a double cannot hold would arrive changed.
    if (!Number.isSafeInteger(value)) throw new MalformedError("an integer beyond 2^53-1", at);
    return value;
  }

  #finite(value: number, at: number): number {
    if (!Number.isFinite(value)) throw new MalformedError("a number that is not finite", at);
    return value;
  }

  #extension(length: number, at: number): bigint | Date {
    const type = this.u8();
    const start = this.#take(length);
    if (type === BIGINT_EXTENSION) return readBigint(this.bytes, start, length);
    if (type === TIMESTAMP_EXTENSION) return readDate(this.bytes, start, length);
    throw new MalformedError(`unknown extension ${type}`, at);
  }

  #truncated(): MalformedError {
    return new MalformedError("it ends too soon", this.position);
  }

  #tooDeep(): MalformedError {
    return new MalformedError(`nested more than ${MAX_DEPTH} deep`, this.position);
  }
}

interface KnownKey {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** The slot, not the entry: chained entries would keep each other alive after they were replaced. */
  next: number;
}

const EMPTY: Buffer = Buffer.alloc(0);
/** From so many bytes on it pays to ask first whether all are ASCII: 1 MiB is then read in a sixth of the time. */
const LARGE = 8 * 1024;
/** Arrays up to this count are made at their size at once: 1 000 nested promises of it are 1 MiB. */
const FEW = 128;
/** A power of two. */
const KNOWN_KEYS = 1024;
const LONGEST_KNOWN_KEY = 31;

function byteAt(bytes: Uint8Array, position: number): number {
  return bytes[position] as number; // every caller has compared the position with the end
}

function isSame(known: Uint8Array, length: number, bytes: Uint8Array, start: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

/** The engine's one copy of the text, which it looks up members by; any other is turned into that each time. */
function internalized(text: string): string {
  return Object.keys({ [text]: 0 })[0] ?? text;
}

/** An assignment would set the prototype instead. */
function defineProto(map: object, value: Value): void {
  Object.defineProperty(map, "__proto__", { value, writable: true, enumerable: true, configurable: true });
}

function readBigint(bytes: Buffer, start: number, length: number): bigint {
  if (length === 0) throw new MalformedError("a bigint without a sign", start);
  const sign = byteAt(bytes, start);
  if (length === 1) {
    if (sign !== 0) throw new MalformedError("a bigint of minus zero", start);
    return 0n;
  }
  if (sign > 1 || byteAt(bytes, start + 1) === 0)
    throw new MalformedError("a bigint that is not in its one form", start);
  let magnitude: bigint;
  try {
    magnitude = BigInt(`0x${bytes.toString("hex", start + 1, start + length)}`);
  } catch (error) {
    // Larger than the engine's bigint can be: ours could not have sent it.
    if (!(error instanceof Error)) throw error;
    throw new MalformedError("a bigint beyond what the engine can hold", start);
  }
  return sign === 1 ? -magnitude : magnitude;
}

function readDate(bytes: Buffer, start: number, length: number): Date {
  let seconds: number;
  let nanoseconds = 0;
  if (length === 4) {
    seconds = bytes.readUInt32BE(start);
  } else if (length === 8) {
    const high = bytes.readUInt32BE(start);
    nanoseconds = high >>> 2;
    seconds = (high & 3) * 0x1_0000_0000 + bytes.readUInt32BE(start + 4);
  } else if (length === 12) {
    nanoseconds = bytes.readUInt32BE(start);
    seconds = bytes.readInt32BE(start + 4) * 0x1_0000_0000 + bytes.readUInt32BE(start + 8);
  } else {
    throw new MalformedError("a timestamp of no known width", start);
  }
  if (nanoseconds > 999_999_999 || nanoseconds % 1_000_000 !== 0) {
    throw new MalformedError("a timestamp that is not in whole milliseconds", start);
  }
  const date = new Date(seconds * 1000 + nanoseconds / 1_000_000);
  if (Number.isNaN(date.getTime())) throw new MalformedError("a timestamp beyond what a Date can hold", start);
  return date;
}

function unknownType(byte: number, at: number): MalformedError {
  return new MalformedError(`unknown type 0x${byte.toString(16)}`, at);
}

/**
 * The one value that `bytes` hold.
 *
 * @throws MalformedError when they hold anything else, or more.
 */
export function decodeValue(bytes: Uint8Array): Value {
  const reader = new ValueReader();
  reader.reset(bytes);
  const value = reader.value();
  if (reader.position !== reader.end) throw new MalformedError("more than one value", reader.position);
  return value;
}
