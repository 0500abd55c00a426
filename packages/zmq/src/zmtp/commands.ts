import { COMMAND, encodeFrame } from "./frames.js";
import { ZmtpError } from "./zmtp-error.js";

/** RFC 37, "Commands": a name of 1 to 255 bytes, and what that name means. */
export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/** RFC 37: a ping's context has at most so many bytes. */
export const MAX_CONTEXT_BYTES = 16;
const TTL_BYTES = 2;
/** A ping's time to live is in tenths of a second, in 16 bits. */
const TTL_UNIT_MS = 100;
const MAX_TTL = 0xffff;
const MAX_NAME_BYTES = 255;

/** A command without a frame around it. */
export function commandBody(name: string, data: Uint8Array): Buffer {
  const length = Buffer.byteLength(name);
  const body = Buffer.allocUnsafe(1 + length + data.byteLength);
  body[0] = length;
  body.write(name, 1, "latin1");
  body.set(data, 1 + length);
  return body;
}

/** A whole command frame. */
export function encodeCommand(name: string, data: Uint8Array): Buffer {
  return encodeFrame(COMMAND, commandBody(name, data));
}

/** @throws ZmtpError */
export function readCommand(body: Buffer): Command {
  const length = body[0] ?? 0;
  if (length === 0 || 1 + length > body.length) throw new ZmtpError("command", "a command has no name");
  return { name: body.toString("latin1", 1, 1 + length), data: body.subarray(1 + length) };
}

/** Names and values, as READY carries them. Names are told in lower case: they are the same in any. */
export type Properties = ReadonlyMap<string, Buffer>;

export function encodeProperties(properties: readonly (readonly [name: string, value: Uint8Array])[]): Buffer {
  return Buffer.concat(
    properties.flatMap(([name, value]) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(value.byteLength);
      return [Buffer.of(name.length), Buffer.from(name, "latin1"), length, value];
    }),
  );
}

/** @throws ZmtpError */
export function readProperties(data: Buffer): Properties {
  const properties = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const nameEnd = at + 1 + (data[at] ?? 0);
    const valueAt = nameEnd + 4;
    if (nameEnd === at + 1 || valueAt > data.length) throw new ZmtpError("handshake", "its metadata is malformed");
    const valueEnd = valueAt + data.readUInt32BE(nameEnd);
    if (valueEnd > data.length) throw new ZmtpError("handshake", "its metadata is malformed");
    properties.set(data.toString("latin1", at + 1, nameEnd).toLowerCase(), data.subarray(valueAt, valueEnd));
    at = valueEnd;
  }
  return properties;
}

/** @param reason at most 255 characters of ASCII. */
export function encodeError(reason: string): Buffer {
  const text = Buffer.from(reason, "latin1").subarray(0, MAX_NAME_BYTES);
  return encodeCommand("ERROR", Buffer.concat([Buffer.of(text.length), text]));
}

/** The reason that an ERROR gives, for people: nothing in it but printable ASCII. */
export function readErrorReason(data: Buffer): string {
  const length = Math.min(data[0] ?? 0, Math.max(0, data.length - 1));
  return data.toString("latin1", 1, 1 + length).replaceAll(/[^ -~]/g, "?");
}

/** A PING, without a frame around it. @param ttlMs after so long without a word from here the other side may take this one for dead. 0: never. */
export function pingBody(ttlMs: number): Buffer {
  const ttl = Buffer.alloc(TTL_BYTES);
  ttl.writeUInt16BE(Math.min(MAX_TTL, Math.ceil(ttlMs / TTL_UNIT_MS)));
  return commandBody("PING", ttl);
}

/** @throws ZmtpError */
export function readPing(data: Buffer): { readonly ttlMs: number; readonly context: Buffer } {
  const context = data.subarray(TTL_BYTES);
  if (data.length < TTL_BYTES || context.length > MAX_CONTEXT_BYTES) {
    throw new ZmtpError("command", "a PING is malformed");
  }
  return { ttlMs: data.readUInt16BE(0) * TTL_UNIT_MS, context };
}

/** The answer to a PING, without a frame around it. */
export function pongBody(context: Uint8Array): Buffer {
  return commandBody("PONG", context);
}
