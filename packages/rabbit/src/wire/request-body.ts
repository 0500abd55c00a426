/** Requests, calls and casts: the inner message of oslo.messaging's RPC. */
import { checkValue, type JsonObject, MAX_NAME_BYTES, type Request } from "@trunkline/core/driver";
import { type BodyLimits, encodeBody, payloadLimits } from "./body.js";
import { contextMembers, readContext } from "./context.js";
import { type InnerMessage, isObject, optionalText } from "./inner-message.js";
import { malformed, quoted } from "./malformed.js";

/** What a request carries beside itself. */
export interface RequestFields {
  /** By which a server knows one that comes again (B10): see `hexId`. */
  readonly uniqueId: string;
  /** A call's; with it comes `replyQueue`. Absent: a cast. */
  readonly msgId?: string | undefined;
  readonly replyQueue?: string | undefined;
  /** A call's monitor time (B8). */
  readonly monitorMs?: number | undefined;
}

/** A request as a peer sent it. Names are checked for their kind and length only. */
export interface ParsedRequest {
  readonly method: string;
  readonly params: JsonObject;
  readonly namespace?: string;
  /** Absent: as 1.0 (B3). `null`, which oslo refuses, is the text "null", for core to refuse as it does any that is no version. */
  readonly version?: string;
  readonly context: JsonObject;
  readonly uniqueId?: string;
  /** A call's, and with it `replyQueue`. */
  readonly msgId?: string;
  readonly replyQueue?: string;
  readonly monitorMs?: number;
}

/**
 * The body of a request, its members in oslo's order.
 *
 * The monitor time travels in whole seconds, at least 2: a Python server beats at half of it, and not at all below 1 s.
 * @throws SerializationError (D2; also for a context with a reserved name), NotSupportedError (bytes, bigint, Date), MessageTooLargeError.
 */
export function encodeRequest(request: Request, fields: RequestFields, limits: BodyLimits): Buffer {
  const { method, params, namespace, version, context } = request;
  checkValue(params, "params", payloadLimits(limits));
  checkValue(context, "context", payloadLimits(limits));
  const { msgId, replyQueue, monitorMs, uniqueId } = fields;
  // Members that are undefined are not written.
  const inner = {
    method,
    args: params,
    namespace,
    version,
    _msg_id: msgId,
    _reply_q: msgId === undefined ? undefined : replyQueue,
    _timeout: msgId === undefined ? undefined : monitorSeconds(monitorMs),
    _unique_id: uniqueId,
    ...contextMembers(context),
  };
  return encodeBody(inner, limits);
}

/** @throws MalformedError for a member of the wrong kind, a name over 255 bytes, and a call that says nowhere to reply. */
export function readRequest(inner: InnerMessage): ParsedRequest {
  const { args = {}, _timeout: seconds } = inner;
  const method = name(inner, "method");
  if (method === undefined) throw malformed('"method" is missing');
  if (!isObject(args)) throw malformed(`"args" must be an object, got ${quoted(args)}`);
  const namespace = name(inner, "namespace");
  const version = inner["version"] === null ? "null" : name(inner, "version");
  const uniqueId = optionalText(inner, "_unique_id") || undefined;
  const msgId = optionalText(inner, "_msg_id") || undefined;
  const replyQueue = optionalText(inner, "_reply_q") || undefined;
  if (msgId !== undefined && replyQueue === undefined) throw malformed('a call without "_reply_q"');
  const monitorMs = typeof seconds === "number" ? seconds * 1000 : 0;
  return {
    method,
    // What was read from JSON is made of values only.
    params: args as JsonObject,
    ...(namespace === undefined ? {} : { namespace }),
    ...(version === undefined ? {} : { version }),
    context: readContext(inner),
    ...(uniqueId === undefined ? {} : { uniqueId }),
    ...(msgId === undefined || replyQueue === undefined ? {} : { msgId, replyQueue }),
    ...(msgId !== undefined && monitorMs > 0 && monitorMs < Number.POSITIVE_INFINITY ? { monitorMs } : {}),
  };
}

function monitorSeconds(monitorMs: number | undefined): number | null {
  return monitorMs === undefined ? null : Math.max(2, Math.floor(monitorMs / 1000));
}

/** A name is bounded here (A5), since core's refusals repeat it. */
function name(inner: InnerMessage, key: string): string | undefined {
  const text = optionalText(inner, key);
  if (text !== undefined && Buffer.byteLength(text) > MAX_NAME_BYTES) {
    throw malformed(`"${key}" is over ${MAX_NAME_BYTES} bytes: ${quoted(text)}`);
  }
  return text;
}
