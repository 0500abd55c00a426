/** Replies: results, failures, beats and losses, as they come to a caller's reply queue. */
import { checkValue, type Outcome, type Value } from "@trunkline/core/driver";
import { type BodyLimits, encodeBody, payloadLimits } from "./body.js";
import { wrap } from "./envelope.js";
import { readFailure, writeFailure, writeLost } from "./failure-document.js";
import { type InnerMessage, requiredText } from "./inner-message.js";
import { jsonText } from "./json-text.js";
import { malformed } from "./malformed.js";

/** What finds a reply's call (B9), and what is its own. */
export interface ReplyFields {
  /** The request's. */
  readonly msgId: string;
  readonly uniqueId: string;
}

/** A lost request: what its caller is told, and whether it may have run (B12). */
export interface Loss {
  readonly message: string;
  readonly mayHaveRun: boolean;
}

/** What a reply says of its call. */
export type Reply =
  /** The server is at work (B8). */
  | { readonly kind: "beat" }
  /** An outcome of which the end is still to come: the caller keeps it, the last one where several come. */
  | { readonly kind: "partial"; readonly outcome: Outcome }
  /** The end. Where its result is null and a partial outcome came before, that one counts. */
  | { readonly kind: "end"; readonly outcome: Outcome }
  | ({ readonly kind: "lost" } & Loss);

/** A reply and the call it is for. */
export type ParsedReply = { readonly msgId: string } & Reply;

/**
 * The body of the only reply to a call, or its last. `undefined` is null.
 * @throws SerializationError (D2), NotSupportedError (bytes, bigint, Date): of the result only; a failure always travels.
 * @throws MessageTooLargeError
 */
export function encodeReply(outcome: Outcome, fields: ReplyFields, limits: BodyLimits): Buffer {
  if (outcome.ok) checkValue(outcome.value, "result", payloadLimits(limits));
  const result = outcome.ok ? (outcome.value ?? null) : null;
  const failure = outcome.ok ? null : writeFailure(outcome.failure);
  return encodeBody(inner(result, failure, true, fields), limits);
}

/** A beat. Only for a request that asked for them: oslo's client fails on others. */
export function encodeBeat(fields: ReplyFields): Buffer {
  return wrap(jsonText(inner(null, null, false, fields)));
}

/** The last reply to a request that this server will not answer. */
export function encodeLost(fields: ReplyFields & Loss): Buffer {
  return wrap(jsonText(inner(null, writeLost(fields.message, fields.mayHaveRun), true, fields)));
}

/**
 * What oslo's client makes of a reply, but for three cases in which that one breaks: a failure that is an object is read all
 * the same, one that is neither becomes a failure that says so, and a reply without the key is refused here.
 * @throws MalformedError without `failure` or a message id.
 */
export function readReply(message: InnerMessage): ParsedReply {
  const msgId = requiredText(message, "_msg_id");
  if (!Object.hasOwn(message, "failure")) throw malformed('a reply without "failure"');
  const isEnd = Boolean(message["ending"]);
  // What was read from JSON is a value.
  const value = (message["result"] ?? null) as Value;
  if (isNothing(message["failure"])) {
    if (isEnd) return { msgId, kind: "end", outcome: { ok: true, value } };
    return value === null ? { msgId, kind: "beat" } : { msgId, kind: "partial", outcome: { ok: true, value } };
  }
  const { failure, lost } = readFailure(message["failure"]);
  if (lost !== undefined) return { msgId, kind: "lost", message: failure.message, ...lost };
  return { msgId, kind: isEnd ? "end" : "partial", outcome: { ok: false, failure } };
}

function inner(result: Value, failure: string | null, ending: boolean, { msgId, uniqueId }: ReplyFields): object {
  return { result, failure, ending, _msg_id: msgId, _unique_id: uniqueId };
}

/** What oslo's client takes for no failure: whatever is false in Python. */
function isNothing(failure: unknown): boolean {
  if (typeof failure === "object" && failure !== null) return Object.keys(failure).length === 0;
  return !failure;
}
