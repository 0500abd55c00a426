/** Replies of `rabbit://`: an array of any number of them, three members each. */
import {
  CORE_MODULE,
  type Failure,
  MalformedError,
  type Outcome,
  type Value,
  type ValueReader,
  type ValueWriter,
} from "@trunkline/core/driver";
import type { CallId, ReadReply } from "../wire.js";
import { arrayHead, endMembers, isObject, readMembers, readNumber } from "./fields.js";

/** The second member of a reply: what the third is. */
const KIND = { beat: 0, result: 1, failure: 2, lost: 3 } as const;
const PARTS = 3;

/** So that an array's count holds them. */
export const MOST_REPLIES = 1_000;
/** As many bytes of replies are gathered into one message, and its head; one that is larger goes alone. */
export const GATHERED_BYTES: number = 256 * 1024;

export function writeOutcome(writer: ValueWriter, callId: CallId, outcome: Outcome): void {
  writer.value(callId);
  if (outcome.ok) {
    writer.u8(KIND.result);
    writer.value(outcome.value, "result");
  } else {
    writer.u8(KIND.failure);
    writer.value({ ...outcome.failure }, "failure");
  }
}

export function writeBeat(writer: ValueWriter, callId: CallId): void {
  writer.value(callId);
  writer.u8(KIND.beat);
  writer.value(null);
}

export function writeLost(writer: ValueWriter, callId: CallId, message: string, mayHaveRun: boolean): void {
  writer.value(callId);
  writer.u8(KIND.lost);
  writer.value([message, mayHaveRun]);
}

/** The body of replies that were written one by one. */
export function joinReplies(replies: readonly Buffer[]): Buffer {
  return Buffer.concat([arrayHead(1 + PARTS * replies.length), ...replies]);
}

/**
 * @param maxBytes of each (D4): one that is larger is a failure, which its caller is told; the others in the message are not its fault
 * @throws MalformedError for a member of the wrong kind.
 */
export function readReplies(body: Buffer, maxBytes: number = Number.POSITIVE_INFINITY): readonly ReadReply[] {
  const members = readMembers(body, PARTS);
  const { reader, count } = members;
  const replies: ReadReply[] = [];
  for (let read = 0; read + PARTS <= count; read += PARTS) {
    const start = reader.position;
    const reply = readReply(reader);
    const bytes = reader.position - start;
    replies.push(bytes > maxBytes ? tooLarge(reply, bytes, maxBytes) : reply);
  }
  endMembers(members, replies.length * PARTS);
  return replies;
}

function tooLarge({ callId }: ReadReply, bytes: number, maxBytes: number): ReadReply {
  const message = `the reply has ${bytes} bytes, over ${maxBytes}; raise maxMessageBytes here, or ask for less`;
  const failure: Failure = { type: "MessageTooLargeError", module: CORE_MODULE, message };
  return { callId, kind: "end", outcome: { ok: false, failure } };
}

function readReply(reader: ValueReader): ReadReply {
  const callId = readNumber(reader, "call id");
  const kind = readNumber(reader, "kind of reply");
  const value = reader.value();
  switch (kind) {
    case KIND.beat:
      return { callId, kind: "beat" };
    case KIND.result:
      return { callId, kind: "end", outcome: { ok: true, value } };
    case KIND.failure:
      return { callId, kind: "end", outcome: { ok: false, failure: failureOf(value, reader) } };
    case KIND.lost:
      return { callId, kind: "lost", ...lossOf(value, reader) };
    default:
      throw new MalformedError(`a reply of the unknown kind ${kind}`, reader.position);
  }
}

function failureOf(value: Value, reader: ValueReader): Failure {
  if (!isObject(value)) throw new MalformedError("a failure that is no object", reader.position);
  const { type, message, module, nearest, stack, details } = value;
  if (typeof type !== "string" || typeof message !== "string") {
    throw new MalformedError("a failure without type and message", reader.position);
  }
  return {
    type,
    message,
    ...(typeof module === "string" ? { module } : {}),
    ...(typeof nearest === "string" ? { nearest } : {}),
    ...(typeof stack === "string" ? { stack } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

function lossOf(value: Value, reader: ValueReader): { readonly message: string; readonly mayHaveRun: boolean } {
  if (Array.isArray(value)) {
    const [message, mayHaveRun] = value;
    if (typeof message === "string" && typeof mayHaveRun === "boolean") return { message, mayHaveRun };
  }
  throw new MalformedError("a loss that does not say what was lost", reader.position);
}
