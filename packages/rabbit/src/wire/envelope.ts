/** The envelope 2.0 around each message: JSON in a string of JSON. */
import { constants, isUtf8 } from "node:buffer";
import { MessageTooLargeError } from "@trunkline/core/driver";
import { COMPRESSION_HEADER, inflateBody } from "./compression.js";
import { type InnerMessage, isObject } from "./inner-message.js";
import { malformed, quoted } from "./malformed.js";
import { MAX_VALUE_DEPTH, parsePythonJson } from "./python-json.js";

/** The AMQP `content_type` of each message; without it a Python peer rejects the message. */
export const CONTENT_TYPE = "application/json";

/** The AMQP `content_encoding` of each message. */
export const CONTENT_ENCODING = "utf-8";

/** The AMQP properties that say how a body is to be read, as they came: nobody has looked at them yet. */
export interface ContentProperties {
  readonly contentType?: unknown;
  readonly contentEncoding?: unknown;
  readonly headers?: unknown;
}

const VERSION_KEY = "oslo.version";
const MESSAGE_KEY = "oslo.message";
const VERSION = "2.0";

/** A value stands one level down in the inner message. */
const MAX_INNER_DEPTH = MAX_VALUE_DEPTH + 1;

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
/** ASCII is UTF-8 too. */
const ENCODINGS: ReadonlySet<string> = new Set(["utf-8", "utf8", "ascii", "us-ascii"]);
/** A revision may follow; one above 0 would be newer than ours. */
const READABLE_VERSION = /^2\.0(?:\.0)?$/;

/** The body that carries the inner message's text. */
export function wrap(innerText: string): Buffer {
  return Buffer.from(`{"${VERSION_KEY}":"${VERSION}","${MESSAGE_KEY}":${JSON.stringify(innerText)}}`);
}

/**
 * The inner message of a body: what its envelope holds, or, where it lacks one of the envelope's two keys, the body's own object.
 * @param maxBytes of the body, after decompression (D4).
 * @throws MalformedError for anything but JSON objects of UTF-8 under version 2.0, nested as deep as D2 allows.
 * @throws MessageTooLargeError
 */
export function unwrap(content: Buffer, properties: ContentProperties, maxBytes: number): InnerMessage {
  checkContentType(properties.contentType);
  checkContentEncoding(properties.contentEncoding);
  const text = textOf(uncompressed(content, properties.headers, Math.min(maxBytes, constants.MAX_STRING_LENGTH)));
  const outer = readObject(text, "a body");
  if (!Object.hasOwn(outer, VERSION_KEY) || !Object.hasOwn(outer, MESSAGE_KEY)) return outer;
  const version = outer[VERSION_KEY];
  if (typeof version !== "string" || !READABLE_VERSION.test(version)) {
    throw malformed(`an envelope of version ${quoted(version)}; this driver reads ${VERSION}`);
  }
  const inner = outer[MESSAGE_KEY];
  if (typeof inner !== "string") throw malformed(`"${MESSAGE_KEY}" must be a string of JSON, got ${quoted(inner)}`);
  return readObject(inner, `"${MESSAGE_KEY}"`);
}

function checkContentType(contentType: unknown): void {
  if (typeof contentType !== "string" || !JSON_TYPE.test(contentType)) {
    throw malformed(`the content type must be ${CONTENT_TYPE}, got ${quoted(contentType)}`);
  }
}

function checkContentEncoding(encoding: unknown): void {
  if (encoding === undefined || encoding === null || encoding === "") return;
  if (typeof encoding !== "string" || !ENCODINGS.has(encoding.toLowerCase())) {
    throw malformed(`the content encoding must be ${CONTENT_ENCODING}, got ${quoted(encoding)}`);
  }
}

function uncompressed(content: Buffer, headers: unknown, maxBytes: number): Buffer {
  // A client library may set the table's prototype by a header of that name; only own headers were sent.
  const compression =
    isObject(headers) && Object.hasOwn(headers, COMPRESSION_HEADER) ? headers[COMPRESSION_HEADER] : undefined;
  if (compression === undefined || compression === null || compression === "") {
    if (content.length > maxBytes) {
      throw new MessageTooLargeError(`a message came of ${content.length} bytes, over ${maxBytes}`, maxBytes);
    }
    return content;
  }
  if (typeof compression !== "string") {
    throw malformed(`the header "${COMPRESSION_HEADER}" must be a string, got ${quoted(compression)}`);
  }
  return inflateBody(content, compression, maxBytes);
}

function textOf(body: Buffer): string {
  // Decoding would put U+FFFD for what is not UTF-8, and a changed message is none that was sent.
  if (!isUtf8(body)) throw malformed("a body that is not UTF-8");
  return body.toString("utf8");
}

function readObject(text: string, what: string): InnerMessage {
  const value = parsePythonJson(text, MAX_INNER_DEPTH);
  if (!isObject(value)) throw malformed(`${what} must hold a JSON object, got ${quoted(value)}`);
  return value;
}
