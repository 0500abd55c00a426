import type { Event, Outcome, Request } from "@trunkline/core/driver";
import type { ConsumeMessage, Options } from "amqplib";
import type { Route } from "../topology/declarations.js";
import type { Reply } from "./reply-body.js";

/** By what a reply finds its call (B9): unique within the inbox that it comes to. */
export type CallId = string | number;

/** A message, encoded when it was made (D2), as it is published. */
export interface Message {
  readonly route: Route;
  /** By which the broker's word on it is known to be of it: unique on a channel. */
  readonly id: string;
  readonly body: Buffer;
  /** Asked for when it is written, since what is left of a deadline is less by then. A new object each time, the caller's to complete. */
  properties(): Options.Publish;
}

/** What makes a request a call. */
export interface CallTerms {
  readonly callId: CallId;
  readonly replyQueue: string;
  readonly monitorMs: number | undefined;
  /** Its deadline, on the clock's `now()`. */
  readonly until: number | undefined;
}

/** A request that came. */
export interface ReadRequest {
  readonly request: Omit<Request, "id">;
  /** The sender's, the same each time that it comes. */
  readonly id: string | undefined;
  /** A call's. */
  readonly replyTo: { readonly callId: CallId; readonly queue: string } | undefined;
  readonly monitorMs: number | undefined;
  /** By its sender's clock. */
  readonly sentAtMs: number | undefined;
  /** What was left of a call's time then. */
  readonly timeoutMs: number | undefined;
}

/** An event that came. */
export interface ReadEvent {
  readonly event: Event;
  /** Unlike the event's own, it differs for each topic that the event was emitted on. */
  readonly id: string;
  /** As whoever asked for it again counted. */
  readonly attempt: number | undefined;
}

/** A reply that came, and the call that it is for. */
export type ReadReply = { readonly callId: CallId } & Reply;

/** How messages are written and read: one for each naming. What is read is nobody's word but the sender's (F1). */
export interface Wire {
  /** How many replies to one queue may travel as one message. */
  readonly repliesTogether: number;
  newCallId(): CallId;
  /**
   * @throws SerializationError (D2), NotSupportedError (bytes, bigint, Date where they are not claimed), MessageTooLargeError (D4);
   * so do the others that encode a value.
   */
  call(route: Route, request: Request, terms: CallTerms): Message;
  cast(route: Route, request: Request): Message;
  event(route: Route, event: Event): Message;
  /** The bytes of one reply, for {@link Wire.replies}. */
  outcome(callId: CallId, outcome: Outcome): Buffer;
  beat(callId: CallId): Buffer;
  lost(callId: CallId, message: string, mayHaveRun: boolean): Buffer;
  /** The message of replies to one queue: at least one, and no more than {@link Wire.repliesTogether}. */
  replies(route: Route, replies: readonly Buffer[]): Message;
  /** A request that came and was never begun, for the queue that it came from: from now on it counts as sent now. */
  handedBack(route: Route, raw: ConsumeMessage, id: string): Message;
  /** An event that came, for another attempt. */
  requeued(route: Route, raw: ConsumeMessage, id: string, attempt: number): Message;
  /** @throws MalformedError, MessageTooLargeError; so do the others that read. */
  readRequest(raw: ConsumeMessage): ReadRequest;
  readEvent(raw: ConsumeMessage): ReadEvent;
  readReplies(raw: ConsumeMessage): readonly ReadReply[];
}
