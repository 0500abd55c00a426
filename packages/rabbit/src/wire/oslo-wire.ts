import type { Event, Outcome, Request } from "@trunkline/core/driver";
import type { ConsumeMessage, Options } from "amqplib";
import type { Route } from "../topology/declarations.js";
import type { BodyLimits } from "./body.js";
import { expirationOf, remainingMs } from "./deadline.js";
import { unwrap } from "./envelope.js";
import { encodeEvent, readEvent } from "./event-body.js";
import { decodeHeaders, SENT_AT, TIMEOUT } from "./headers.js";
import { hexId } from "./ids.js";
import { fieldOf, OsloMessage, type OsloMessageTerms } from "./oslo-message.js";
import { encodeBeat, encodeLost, encodeReply, readReply } from "./reply-body.js";
import { encodeRequest, readRequest } from "./request-body.js";
import type { CallId, CallTerms, Message, ReadEvent, ReadReply, ReadRequest, Wire } from "./wire.js";

export interface OsloWireParts extends OsloMessageTerms {
  readonly limits: BodyLimits;
  /** How far a sender's clock may be off for its send time to be believed (B6). */
  readonly clockToleranceMs: number;
  newId(): string;
}

/** The wire of oslo.messaging: JSON in a string of JSON, one reply a message. */
export class OsloWire implements Wire {
  readonly repliesTogether = 1;
  readonly #parts: OsloWireParts;

  constructor(parts: OsloWireParts) {
    this.#parts = parts;
  }

  newCallId(): CallId {
    return hexId(this.#parts.newId());
  }

  call(route: Route, request: Request, { callId, replyQueue, monitorMs, until }: CallTerms): Message {
    const id = hexId(request.id);
    const fields = { uniqueId: id, msgId: String(callId), replyQueue, monitorMs };
    const body = encodeRequest(request, fields, this.#parts.limits);
    return new OsloMessage(route, body, { id, application: request.headers, monitorMs, until }, this.#parts);
  }

  cast(route: Route, request: Request): Message {
    const id = hexId(request.id);
    const body = encodeRequest(request, { uniqueId: id }, this.#parts.limits);
    return new OsloMessage(route, body, { id, application: request.headers }, this.#parts);
  }

  event(route: Route, event: Event): Message {
    // One of its own for each topic, since each is a message of its own (C1).
    const id = hexId(this.#parts.newId());
    const body = encodeEvent(event, { uniqueId: id }, this.#parts.limits);
    return new OsloMessage(route, body, { id, application: event.headers }, this.#parts);
  }

  outcome(callId: CallId, outcome: Outcome): Buffer {
    return encodeReply(outcome, this.#replyFields(callId), this.#parts.limits);
  }

  beat(callId: CallId): Buffer {
    return encodeBeat(this.#replyFields(callId));
  }

  lost(callId: CallId, message: string, mayHaveRun: boolean): Buffer {
    return encodeLost({ ...this.#replyFields(callId), message, mayHaveRun });
  }

  replies(route: Route, [reply = NOTHING]: readonly Buffer[]): Message {
    return new OsloMessage(route, reply, { id: hexId(this.#parts.newId()) }, this.#parts);
  }

  handedBack(route: Route, raw: ConsumeMessage, id: string): Message {
    const { clock, clockToleranceMs } = this.#parts;
    const { contentType, contentEncoding, headers, priority, expiration } = raw.properties;
    const { timeoutMs, sentAtMs } = decodeHeaders(headers);
    const rest = { contentType, contentEncoding, priority, messageId: id };
    const properties = (): Options.Publish => {
      const wallNow = Math.floor(clock.wallNow());
      const leftMs = remainingMs({ timeoutMs, sentAtMs, expiration }, wallNow, clockToleranceMs);
      if (leftMs === undefined) return { ...rest, headers: headers ?? {} };
      const left = Math.max(0, Math.floor(leftMs));
      const fresh = { ...headers, [SENT_AT]: fieldOf(wallNow), [TIMEOUT]: fieldOf(left) };
      return { ...rest, headers: fresh, ...(expiration === undefined ? {} : { expiration: expirationOf(left) }) };
    };
    return { route, id, body: raw.content, properties };
  }

  requeued(): Message {
    throw new Error("an event of oslo's wire goes back by a negative acknowledgement");
  }

  readRequest(raw: ConsumeMessage): ReadRequest {
    const parsed = readRequest(this.#unwrapped(raw));
    const own = decodeHeaders(raw.properties.headers);
    const { method, params, namespace, version, context, msgId, replyQueue, uniqueId } = parsed;
    const isCall = msgId !== undefined && replyQueue !== undefined;
    return {
      request: {
        kind: "request",
        method,
        params,
        context,
        headers: own.headers,
        ...(namespace === undefined ? {} : { namespace }),
        ...(version === undefined ? {} : { version }),
      },
      id: uniqueId,
      replyTo: isCall ? { callId: msgId, queue: replyQueue } : undefined,
      monitorMs: isCall ? (own.monitorMs ?? parsed.monitorMs) : undefined,
      sentAtMs: own.sentAtMs,
      timeoutMs: own.timeoutMs,
    };
  }

  readEvent(raw: ConsumeMessage): ReadEvent {
    const { event, uniqueId } = readEvent(this.#unwrapped(raw));
    const { headers, attempt } = decodeHeaders(raw.properties.headers);
    return { event: { ...event, headers }, id: uniqueId ?? event.id, attempt };
  }

  readReplies(raw: ConsumeMessage): readonly ReadReply[] {
    const { msgId, ...reply } = readReply(this.#unwrapped(raw));
    return [{ callId: msgId, ...reply }];
  }

  #unwrapped({ content, properties }: ConsumeMessage): ReturnType<typeof unwrap> {
    return unwrap(content, properties, this.#parts.limits.maxMessageBytes);
  }

  #replyFields(callId: CallId): { readonly msgId: string; readonly uniqueId: string } {
    return { msgId: String(callId), uniqueId: hexId(this.#parts.newId()) };
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
