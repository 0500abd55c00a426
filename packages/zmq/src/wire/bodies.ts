/**
 * Bodies: what a message record carries behind its header, the same bytes whichever link they travel.
 *
 * A request's body is its params, then context and headers where the flags say so. An event's begins with its four names.
 */
import {
  type Event,
  encodeValue,
  type JsonObject,
  MalformedError,
  type Request,
  type Value,
  type ValueReader,
  type ValueWriter,
} from "@trunkline/core/driver";
import { HAS_CONTEXT, HAS_HEADERS } from "./record-types.js";

export const NO_CONTEXT: JsonObject = Object.freeze({});
export const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** Which of context and headers a message has: the flags of its record. */
export function bodyFlags(message: Request | Event): number {
  return (isEmpty(message.context) ? 0 : HAS_CONTEXT) | (isEmpty(message.headers) ? 0 : HAS_HEADERS);
}

export function writeRequestBody(writer: ValueWriter, request: Request, flags: number): void {
  writer.value(request.params, "params");
  writeCarried(writer, request, flags);
}

export function writeEventBody(writer: ValueWriter, event: Event, flags: number): void {
  writer.text(event.id);
  writer.text(event.publisherId);
  writer.text(event.eventType);
  writer.text(event.timestamp);
  writer.value(event.payload, "payload");
  writeCarried(writer, event, flags);
}

function writeCarried(writer: ValueWriter, message: Request | Event, flags: number): void {
  if ((flags & HAS_CONTEXT) !== 0) writer.value(message.context, "context");
  if ((flags & HAS_HEADERS) !== 0) writer.value(message.headers, "headers");
}

/** The params of a request, or its context. @throws MalformedError unless it is an object. */
export function readObject(reader: ValueReader): JsonObject {
  const value = reader.value();
  if (!isObject(value)) throw new MalformedError("an object was expected", reader.position);
  return value;
}

export function readContext(reader: ValueReader, flags: number): JsonObject {
  return (flags & HAS_CONTEXT) === 0 ? NO_CONTEXT : readObject(reader);
}

/** @throws MalformedError unless every header is a string. */
export function readHeaders(reader: ValueReader, flags: number): Readonly<Record<string, string>> {
  if ((flags & HAS_HEADERS) === 0) return NO_HEADERS;
  const headers = readObject(reader);
  for (const name of Object.keys(headers)) {
    if (typeof headers[name] !== "string") throw new MalformedError("a header that is no string", reader.position);
  }
  // Every member was just found to be a string.
  return headers as Readonly<Record<string, string>>;
}

/**
 * The bytes of a request's body, copied out of the frame: in the plain form, whatever form they came in, since they may travel
 * over another session. @throws MalformedError where they are no body.
 */
export function copyRequestBody(reader: ValueReader, flags: number): Uint8Array {
  if (reader.shapes !== undefined) return plainRequestBody(reader, flags);
  const start = reader.position;
  reader.skip();
  return copyRest(reader, start, flags);
}

function plainRequestBody(reader: ValueReader, flags: number): Uint8Array {
  const parts = [encodeValue(readObject(reader))];
  if ((flags & HAS_CONTEXT) !== 0) parts.push(encodeValue(readContext(reader, flags)));
  if ((flags & HAS_HEADERS) !== 0) parts.push(encodeValue(readHeaders(reader, flags)));
  return new Uint8Array(Buffer.concat(parts));
}

export function copyEventBody(reader: ValueReader, flags: number): Uint8Array {
  const start = reader.position;
  for (let name = 0; name < 4; name++) reader.text();
  reader.skip();
  return copyRest(reader, start, flags);
}

function copyRest(reader: ValueReader, start: number, flags: number): Uint8Array {
  if ((flags & HAS_CONTEXT) !== 0) reader.skip();
  if ((flags & HAS_HEADERS) !== 0) reader.skip();
  return new Uint8Array(reader.bytes.subarray(start, reader.position));
}

function isObject(value: Value): value is JsonObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  );
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false;
  return true;
}
