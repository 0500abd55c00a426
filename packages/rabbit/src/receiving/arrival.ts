import { type Event, MalformedError, MessageTooLargeError, type Request } from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import type { Source } from "../topology/declarations.js";
import { remainingMs } from "../wire/deadline.js";
import type { CallId } from "../wire/wire.js";
import type { AckToken } from "./ack-token.js";
import type { ListenerHost } from "./listener-host.js";

/** Where the broker waits for a verdict on a message. */
export interface Hold {
  readonly token: AckToken;
  readonly tag: number;
}

/** Where a call's reply goes. */
export interface ReplyTo {
  readonly callId: CallId;
  readonly queue: string;
}

/** A message as it came, read. */
interface Arrived {
  readonly raw: ConsumeMessage;
  readonly source: Source;
  readonly hold: Hold;
  /** The sender's id of it, the same each time that it comes; of a peer that gives none, one that no other message has. */
  readonly id: string;
  readonly peer: string;
  readonly isRedelivered: boolean;
}

export interface ArrivedRequest extends Arrived {
  readonly request: Request;
  readonly replyTo: ReplyTo | undefined;
  readonly monitorMs: number | undefined;
  /** When it was sent, by its sender's clock. */
  readonly sentAtMs: number | undefined;
  /** The caller's deadline, on the clock's `now()` (B6). */
  readonly until: number | undefined;
}

export interface ArrivedEvent extends Arrived {
  readonly event: Event;
  /** As the sender, or whoever asked for it again, counted. */
  readonly attempt: number | undefined;
}

type ReadHost = Pick<ListenerHost, "clock" | "wire" | "clockToleranceMs" | "newId">;

/** @throws MalformedError, MessageTooLargeError (F1, D4). */
export function readArrivedRequest(raw: ConsumeMessage, source: Source, hold: Hold, host: ReadHost): ArrivedRequest {
  const { properties, fields } = raw;
  const { request, id = host.newId(), replyTo, monitorMs, sentAtMs, timeoutMs } = host.wire.readRequest(raw);
  const times = { timeoutMs, sentAtMs, expiration: properties.expiration };
  const leftMs = replyTo === undefined ? undefined : remainingMs(times, host.clock.wallNow(), host.clockToleranceMs);
  return {
    raw,
    source,
    hold,
    id,
    peer: replyTo?.queue ?? `exchange "${fields.exchange}"`,
    isRedelivered: fields.redelivered,
    request: { ...request, id },
    replyTo,
    monitorMs,
    sentAtMs,
    until: leftMs === undefined ? undefined : host.clock.now() + leftMs,
  };
}

/** @throws MalformedError, MessageTooLargeError (F1, D4). */
export function readArrivedEvent(raw: ConsumeMessage, source: Source, hold: Hold, host: ReadHost): ArrivedEvent {
  const { event, id, attempt } = host.wire.readEvent(raw);
  return { raw, source, hold, id, peer: event.publisherId, isRedelivered: raw.fields.redelivered, event, attempt };
}

/** Why a message could not be read, where that is the message's fault. @throws whatever else it is. */
export function unreadable(error: unknown): string {
  if (error instanceof MalformedError || error instanceof MessageTooLargeError) return error.message;
  throw error;
}
