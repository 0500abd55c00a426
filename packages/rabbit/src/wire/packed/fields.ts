/** The members of packed messages: arrays of MessagePack, so that any reader of it can take them apart. */
import { type JsonObject, MalformedError, type Value, ValueReader, type ValueWriter } from "@trunkline/core/driver";

/** The first member of each message. Another one is of a later edition that this one cannot read. */
export const VERSION = 1;

const FIXARRAY = 0x90;
const ARRAY16 = 0xdc;
const FLOAT64 = 0xcb;
export const MOST_FIXED = 15;

/** Begins an array of up to {@link MOST_FIXED} members, of which the first is the version. */
export function writeFixedArray(writer: ValueWriter, members: number): void {
  writer.u8(FIXARRAY | members);
  writer.u8(VERSION);
}

/** Begins an array of up to 65 535 members, of which the first is the version. */
export function arrayHead(members: number): Buffer {
  return Buffer.from([ARRAY16, members >> 8, members & 0xff, VERSION]);
}

/** Where the first member behind the version is. */
export function membersAt(body: Buffer): number {
  return body[0] === ARRAY16 ? 4 : 2;
}

export const FLOAT_BYTES = 9;

/** A number at a place that does not depend on its value, so that it can be written again. */
export function writeFloat(writer: ValueWriter, value: number): void {
  writer.reserve(FLOAT_BYTES);
  writer.bytes[writer.position] = FLOAT64;
  writer.bytes.writeDoubleBE(value, writer.position + 1);
  writer.position += FLOAT_BYTES;
}

/** As {@link writeFloat} writes it. @throws MalformedError for a number of another width: another one would not fit in its place. */
export function readFloat(reader: ValueReader, what: string): number {
  if (reader.bytes[reader.position] !== FLOAT64) throw wrong(reader, what, "a number as float 64");
  return readNumber(reader, what);
}

export interface Members {
  readonly reader: ValueReader;
  /** How many are left after the version. */
  readonly count: number;
}

/** Begins to read a message. @throws MalformedError where it is no array, of another version, or of less than `least` members. */
export function readMembers(body: Buffer, least: number): Members {
  const reader = new ValueReader();
  reader.reset(body);
  const head = reader.u8();
  let count: number;
  if ((head & 0xf0) === FIXARRAY) count = head & 0x0f;
  else if (head === ARRAY16) count = reader.u8() * 256 + reader.u8();
  else throw new MalformedError("a message that is no array", 0);
  if (count < 1) throw new MalformedError("a message without a version", 1);
  const version = reader.u8();
  if (version !== VERSION) {
    throw new MalformedError(`a message of version ${version}; this driver reads ${VERSION}`, 1);
  }
  if (count - 1 < least) throw new MalformedError(`a message of ${count} members; at least ${least + 1} are needed`, 0);
  return { reader, count: count - 1 };
}

/** Passes over what a later edition may have added. @throws MalformedError for anything behind the array. */
export function endMembers({ reader, count }: Members, read: number): void {
  for (let left = count - read; left > 0; left--) reader.skip();
  if (reader.position !== reader.end) throw new MalformedError("more than one message in a body", reader.position);
}

export function readText(reader: ValueReader, what: string): string {
  const value = reader.value();
  if (typeof value !== "string") throw wrong(reader, what, "a string");
  return value;
}

/** It becomes an AMQP `message_id`, of 255 bytes at most, with the attempt behind it. */
const MAX_ID_BYTES = 200;

/** The id of a message. @throws MalformedError for one that could not be published again. */
export function readId(reader: ValueReader, what: string): string {
  const id = readText(reader, what);
  if (id.length > MAX_ID_BYTES || Buffer.byteLength(id) > MAX_ID_BYTES) {
    throw new MalformedError(`"${what}" is over ${MAX_ID_BYTES} bytes`, reader.position);
  }
  return id;
}

export function readOptionalText(reader: ValueReader, what: string): string | undefined {
  const value = reader.value();
  if (value === null) return undefined;
  if (typeof value !== "string") throw wrong(reader, what, "a string or null");
  return value;
}

export function readNumber(reader: ValueReader, what: string): number {
  const value = reader.value();
  if (typeof value !== "number") throw wrong(reader, what, "a number");
  return value;
}

export function readOptionalNumber(reader: ValueReader, what: string): number | undefined {
  const value = reader.value();
  if (value === null) return undefined;
  if (typeof value !== "number") throw wrong(reader, what, "a number or null");
  return value;
}

export function readObject(reader: ValueReader, what: string): JsonObject {
  const value = reader.value();
  if (!isObject(value)) throw wrong(reader, what, "an object");
  return value;
}

/** @throws MalformedError unless every member is a string. */
export function readHeaders(reader: ValueReader): Readonly<Record<string, string>> {
  const headers = readObject(reader, "headers");
  for (const name of Object.keys(headers)) {
    if (typeof headers[name] !== "string") throw wrong(reader, "headers", "strings");
  }
  // Every member was just found to be a string.
  return headers as Readonly<Record<string, string>>;
}

export function isObject(value: Value): value is JsonObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  );
}

function wrong(reader: ValueReader, what: string, wanted: string): MalformedError {
  return new MalformedError(`"${what}" must be ${wanted}`, reader.position);
}
