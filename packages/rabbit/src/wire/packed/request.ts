/** Requests of `rabbit://`: an array of thirteen. */
import {
  MAX_NAME_BYTES,
  MalformedError,
  type Request,
  type ValueReader,
  type ValueWriter,
} from "@trunkline/core/driver";
import type { CallId, ReadRequest } from "../wire.js";
import {
  endMembers,
  FLOAT_BYTES,
  membersAt,
  readFloat,
  readHeaders,
  readId,
  readMembers,
  readObject,
  readOptionalNumber,
  readOptionalText,
  writeFixedArray,
  writeFloat,
} from "./fields.js";

const MEMBERS = 13;

/** A call's own members. */
export interface PackedCall {
  readonly callId: CallId;
  readonly replyQueue: string;
  readonly monitorMs: number | undefined;
}

export interface RequestTimes {
  /** Milliseconds since 1970, UTC. */
  readonly sentAtMs: number;
  /** What is left of a call's time; of a cast 0, which says nothing. */
  readonly timeoutMs: number;
}

/** @param headers those that travel in the body. */
export function writeRequest(
  writer: ValueWriter,
  request: Request,
  headers: Readonly<Record<string, string>>,
  call: PackedCall | undefined,
  times: RequestTimes,
): void {
  writeFixedArray(writer, MEMBERS);
  writeFloat(writer, times.sentAtMs);
  writeFloat(writer, times.timeoutMs);
  writer.value(request.id);
  writer.value(request.method);
  writer.value(request.namespace);
  writer.value(request.version);
  writer.value(request.params, "params");
  writer.value(request.context, "context");
  writer.value(headers, "headers");
  writer.value(call?.callId);
  writer.value(call?.replyQueue);
  writer.value(call?.monitorMs);
}

/** Puts other times into the body of a request that was written here, or read: where they are does not depend on what they are. */
export function stampRequest(body: Buffer, { sentAtMs, timeoutMs }: RequestTimes): void {
  const at = membersAt(body);
  body.writeDoubleBE(sentAtMs, at + 1);
  body.writeDoubleBE(timeoutMs, at + FLOAT_BYTES + 1);
}

/** @throws MalformedError for a member of the wrong kind, a name or id that is too long, and a call that says nowhere to reply. */
export function readRequest(body: Buffer): ReadRequest {
  const members = readMembers(body, MEMBERS - 1);
  const { reader } = members;
  const sentAtMs = readFloat(reader, "sent at");
  const timeoutMs = readFloat(reader, "timeout");
  const id = readId(reader, "id");
  const method = readName(reader, "method") ?? "";
  const namespace = readName(reader, "namespace");
  const version = readName(reader, "version");
  const params = readObject(reader, "params");
  const context = readObject(reader, "context");
  const headers = readHeaders(reader);
  const callId = readOptionalNumber(reader, "call id");
  const queue = readName(reader, "reply queue");
  const monitorMs = readOptionalNumber(reader, "monitor time");
  endMembers(members, MEMBERS - 1);
  if (callId !== undefined && queue === undefined) throw new MalformedError("a call without a reply queue", 0);
  const isCall = callId !== undefined && queue !== undefined;
  return {
    request: {
      kind: "request",
      method,
      params,
      context,
      headers,
      ...(namespace === undefined ? {} : { namespace }),
      ...(version === undefined ? {} : { version }),
    },
    id: id === "" ? undefined : id,
    replyTo: isCall ? { callId, queue } : undefined,
    monitorMs: isCall && monitorMs !== undefined && monitorMs > 0 ? monitorMs : undefined,
    sentAtMs: sentAtMs > 0 ? sentAtMs : undefined,
    timeoutMs: isCall && timeoutMs >= 0 ? timeoutMs : undefined,
  };
}

/** A name is bounded here (A5), since core's refusals repeat it. */
function readName(reader: ValueReader, what: string): string | undefined {
  const text = readOptionalText(reader, what);
  if (text !== undefined && (text.length > MAX_NAME_BYTES || Buffer.byteLength(text) > MAX_NAME_BYTES)) {
    throw new MalformedError(`"${what}" is over ${MAX_NAME_BYTES} bytes`, reader.position);
  }
  return text;
}
