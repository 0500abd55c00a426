import type { MessagingError } from "@trunkline/core/driver";
import type { CallId, ReadReply } from "../wire/wire.js";
import type { PendingCall } from "./pending-call.js";

/** What the table of calls tells its transport. */
export interface CallsHost {
  /** Replies can come now. */
  canReply(): boolean;
  /** Sees to it that replies can come. */
  wantReplies(): void;
  /** A reply that nobody waits for (B9). */
  dropped(counter: "lateReplies", reason: string): void;
}

/** The calls of a transport that wait for a reply, each under the id that its reply has. */
export class Calls {
  readonly #host: CallsHost;
  readonly #calls: Map<CallId, PendingCall> = new Map();
  readonly #parked: Set<PendingCall> = new Set();

  constructor(host: CallsHost) {
    this.#host = host;
  }

  get count(): number {
    return this.#calls.size;
  }

  get parked(): number {
    return this.#parked.size;
  }

  add(id: CallId, call: PendingCall): void {
    this.#calls.set(id, call);
    if (this.#host.canReply() && this.#parked.size === 0) {
      call.start();
      return;
    }
    this.#parked.add(call);
    this.#host.wantReplies();
  }

  ended(id: CallId, call: PendingCall): void {
    this.#parked.delete(call);
    this.#calls.delete(id);
  }

  /** Replies can come: what waited for that goes, in the order in which it was asked. */
  resume(): void {
    const parked = [...this.#parked];
    this.#parked.clear();
    for (const call of parked) call.start();
  }

  /** Replies cannot be made to come: what waited for that is told. */
  refuse(error: MessagingError): void {
    for (const call of [...this.#parked]) call.failed(error);
  }

  /** What has come to the reply queue. */
  received(reply: ReadReply): void {
    const call = this.#calls.get(reply.callId);
    if (call !== undefined) call.replied(reply);
    else if (reply.kind !== "beat") this.#host.dropped("lateReplies", "a reply to a call that nobody waits for");
  }

  /** The transport closes. */
  closeAll(error: MessagingError): void {
    for (const call of [...this.#calls.values()]) call.lost(error, true);
  }
}
