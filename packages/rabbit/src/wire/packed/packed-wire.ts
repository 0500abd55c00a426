import {
  type Clock,
  type Event,
  MalformedError,
  MessageTooLargeError,
  type Outcome,
  type Request,
} from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import type { Route } from "../../topology/declarations.js";
import { inflateBody } from "../compression.js";
import { remainingMs } from "../deadline.js";
import { decodeHeaders, encodeHeaders, isTraceHeader } from "../headers.js";
import type { CallId, CallTerms, Message, ReadEvent, ReadReply, ReadRequest, Wire } from "../wire.js";
import { CallIds } from "./call-ids.js";
import { readEvent, writeEvent } from "./event.js";
import { DEFLATE, PACKED_TYPE, PackedMessage } from "./packed-message.js";
import { type PackedLimits, Packer } from "./packer.js";
import { GATHERED_BYTES, joinReplies, MOST_REPLIES, readReplies, writeBeat, writeLost, writeOutcome } from "./reply.js";
import { readRequest, stampRequest, writeRequest } from "./request.js";

export interface PackedWireParts {
  readonly clock: Clock;
  readonly compresses: boolean;
  readonly limits: PackedLimits;
  /** How far a sender's clock may be off for its send time to be believed (B6). */
  readonly clockToleranceMs: number;
  newId(): string;
}

/** The wire of `rabbit://`: MessagePack, in which all of D2 travels; replies to one caller travel together. */
export class PackedWire implements Wire {
  readonly repliesTogether: number = MOST_REPLIES;
  readonly #parts: PackedWireParts;
  readonly #packer: Packer;
  readonly #callIds: CallIds = new CallIds();
  #replies = 0;

  constructor(parts: PackedWireParts) {
    this.#parts = parts;
    this.#packer = new Packer(parts.limits);
  }

  newCallId(): CallId {
    return this.#callIds.next();
  }

  call(route: Route, request: Request, terms: CallTerms): Message {
    return this.#request(route, request, terms);
  }

  cast(route: Route, request: Request): Message {
    return this.#request(route, request, undefined);
  }

  event(route: Route, event: Event): Message {
    // One of its own for each topic, since each is a message of its own (C1).
    const id = this.#parts.newId();
    const { inBody, beside } = split(event.headers);
    const body = this.#packer.pack((writer) => writeEvent(writer, event, id, inBody));
    return this.#message(route, body, { id, headers: beside });
  }

  outcome(callId: CallId, outcome: Outcome): Buffer {
    return this.#packer.pack((writer) => writeOutcome(writer, callId, outcome));
  }

  beat(callId: CallId): Buffer {
    return this.#packer.pack((writer) => writeBeat(writer, callId));
  }

  lost(callId: CallId, message: string, mayHaveRun: boolean): Buffer {
    return this.#packer.pack((writer) => writeLost(writer, callId, message, mayHaveRun));
  }

  replies(route: Route, replies: readonly Buffer[]): Message {
    this.#replies += 1;
    return this.#message(route, joinReplies(replies), { id: `r${this.#replies}` });
  }

  handedBack(route: Route, raw: ConsumeMessage, id: string): Message {
    const { clock, clockToleranceMs } = this.#parts;
    const { expiration } = raw.properties;
    const body = Buffer.from(this.#content(raw));
    const { timeoutMs, sentAtMs, replyTo } = readRequest(body);
    const leftMs = remainingMs({ timeoutMs, sentAtMs, expiration }, clock.wallNow(), clockToleranceMs);
    const until = replyTo === undefined || leftMs === undefined ? undefined : clock.now() + leftMs;
    stampRequest(body, { sentAtMs: clock.wallNow(), timeoutMs: Math.max(0, leftMs ?? 0) });
    return this.#message(route, body, { id, headers: encodeHeaders(tracesOf(raw), {}), isRequest: true, until });
  }

  requeued(route: Route, raw: ConsumeMessage, id: string, attempt: number): Message {
    return this.#message(route, this.#content(raw), { id, headers: encodeHeaders(tracesOf(raw), { attempt }) });
  }

  readRequest(raw: ConsumeMessage): ReadRequest {
    const read = readRequest(this.#content(raw));
    const headers = joined(read.request.headers, raw);
    return headers === read.request.headers ? read : { ...read, request: { ...read.request, headers } };
  }

  readEvent(raw: ConsumeMessage): ReadEvent {
    const { event, id } = readEvent(this.#content(raw));
    const { attempt } = decodeHeaders(raw.properties.headers);
    return { event: { ...event, headers: joined(event.headers, raw) }, id, attempt };
  }

  readReplies(raw: ConsumeMessage): readonly ReadReply[] {
    const { maxMessageBytes } = this.#parts.limits;
    // Many together may be more than each may be.
    return readReplies(this.#content(raw, maxMessageBytes + GATHERED_BYTES), maxMessageBytes);
  }

  #request(route: Route, request: Request, terms: CallTerms | undefined): Message {
    const { clock } = this.#parts;
    const { inBody, beside } = split(request.headers);
    const until = terms?.until;
    const timeoutMs = until === undefined ? 0 : Math.max(0, until - clock.now());
    const times = { sentAtMs: clock.wallNow(), timeoutMs };
    const body = this.#packer.pack((writer) => writeRequest(writer, request, inBody, terms, times));
    return this.#message(route, body, { id: request.id, headers: beside, isRequest: true, until });
  }

  #message(route: Route, body: Buffer, fields: ConstructorParameters<typeof PackedMessage>[2]): Message {
    const { clock, compresses } = this.#parts;
    return new PackedMessage(route, body, fields, clock, compresses);
  }

  /** The body as it was packed. @throws MalformedError for another type or encoding. @throws MessageTooLargeError */
  #content({ content, properties }: ConsumeMessage, mostBytes: number = this.#parts.limits.maxMessageBytes): Buffer {
    const { contentType, contentEncoding } = properties;
    if (contentType !== PACKED_TYPE) throw new MalformedError(`the content type must be ${PACKED_TYPE}`, 0);
    if (contentEncoding === DEFLATE) return inflateBody(content, "zlib", mostBytes);
    if (contentEncoding !== undefined && contentEncoding !== "") {
      throw new MalformedError(`the content encoding must be ${DEFLATE} or none`, 0);
    }
    if (content.length > mostBytes) {
      throw new MessageTooLargeError(`a message came of ${content.length} bytes, over ${mostBytes}`, mostBytes);
    }
    return content;
  }
}

type Headers = Readonly<Record<string, string>>;

const NONE: Headers = Object.freeze({});

/** Trace headers go where others than this SDK find them (D5). @throws SerializationError for those that do not fit there. */
function split(headers: Headers): { inBody: Headers; beside: ReturnType<typeof encodeHeaders> | undefined } {
  let isEmpty = true;
  for (const _ in headers) isEmpty = false;
  if (isEmpty) return { inBody: NONE, beside: undefined };
  const entries = Object.entries(headers);
  const traces = entries.filter(([name]) => isTraceHeader(name));
  if (traces.length === 0) return { inBody: headers, beside: undefined };
  return {
    inBody: Object.fromEntries(entries.filter(([name]) => !isTraceHeader(name))),
    beside: encodeHeaders(Object.fromEntries(traces), {}),
  };
}

function joined(inBody: Headers, raw: ConsumeMessage): Headers {
  if (raw.properties.headers === undefined) return inBody;
  const beside = Object.entries(tracesOf(raw));
  return beside.length === 0 ? inBody : Object.fromEntries([...Object.entries(inBody), ...beside]);
}

function tracesOf({ properties }: ConsumeMessage): Headers {
  const entries = Object.entries(decodeHeaders(properties.headers).headers);
  return Object.fromEntries(entries.filter(([name]) => isTraceHeader(name)));
}
