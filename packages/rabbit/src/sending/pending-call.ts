import {
  type CallHandle,
  type CancelReason,
  ConnectionLostError,
  type MessagingError,
  type Outcome,
  type ReplySink,
  UnreachableError,
  type WaitState,
} from "@trunkline/core/driver";
import type { Reply } from "../wire/reply-body.js";
import type { Message } from "../wire/wire.js";
import type { Publication } from "./publication.js";
import type { Repeats } from "./repeats.js";
import type { SendBudget } from "./send-budget.js";
import type { SendChannel } from "./send-channel.js";

export interface PendingCallParts {
  readonly message: Message;
  readonly sink: ReplySink;
  readonly channel: () => SendChannel;
  readonly budget: SendBudget;
  readonly repeats: Repeats;
  /** It has ended: nothing is held for it any more. */
  onEnd(call: PendingCall): void;
  /** The server is to know that nobody waits any more. */
  onCancel(call: PendingCall, reason: CancelReason): void;
}

/**
 * A call in flight: `parked` until replies can come, `queued` for the broker, `written`, `confirmed` (a server has it, or a queue), over.
 *
 * It is written once. A connection that ends before the broker's word leaves it in doubt, and its caller is told; one that was
 * confirmed goes on waiting for its reply, which finds the same inbox.
 */
export class PendingCall implements Publication, CallHandle {
  readonly #parts: PendingCallParts;
  readonly #bytes: number;
  #state: "parked" | "queued" | "confirmed" | "over" = "parked";
  #isInBudget = true;
  #partial: Outcome | undefined;

  /** @throws OverloadedError where too much waits already. */
  constructor(parts: PendingCallParts) {
    this.#parts = parts;
    this.#bytes = parts.message.body.length;
    parts.budget.take(this.#bytes);
  }

  get route(): Message["route"] {
    return this.#parts.message.route;
  }

  get id(): string {
    return this.#parts.message.id;
  }

  get body(): Buffer {
    return this.#parts.message.body;
  }

  /** The broker has it, and its reply has not come. */
  get isConfirmed(): boolean {
    return this.#state === "confirmed";
  }

  properties(): ReturnType<Message["properties"]> {
    return this.#parts.message.properties();
  }

  /** Replies can come. */
  start(): void {
    if (this.#state === "over") return;
    this.#state = "queued";
    this.#parts.channel().push(this);
  }

  confirmed(): void {
    this.#leaveBudget();
    if (this.#state === "queued") this.#state = "confirmed";
  }

  returned(): void {
    const words = `nobody has ever listened on ${this.route.name}: rabbit has no queue for it`;
    this.lost(new UnreachableError(words), false);
  }

  refused(): void {
    if (this.#state !== "over") this.#parts.repeats.after(() => this.start());
  }

  failed(error: MessagingError): void {
    this.lost(error, false);
  }

  doubtful(error: MessagingError): void {
    const words = `the connection was lost before rabbit had confirmed a call to ${this.route.name}; it may run`;
    this.lost(new ConnectionLostError(words, true, { cause: error }), true);
  }

  /** What a server says. */
  replied(reply: Reply): void {
    const { sink } = this.#parts;
    switch (reply.kind) {
      case "beat":
        sink.beat();
        return;
      case "partial":
        this.#partial = reply.outcome;
        return;
      case "end":
        if (!this.#end()) return;
        sink.end(this.#whole(reply.outcome));
        return;
      case "lost":
        this.lost(new ConnectionLostError(reply.message, reply.mayHaveRun), reply.mayHaveRun);
        return;
    }
  }

  lost(error: MessagingError, mayHaveRun: boolean): void {
    if (this.#end()) this.#parts.sink.lost(error, mayHaveRun);
  }

  cancel(reason: CancelReason): WaitState {
    if (this.#state === "over") return "sent";
    const wait = this.#withdraw();
    this.#end();
    // At its deadline a server ends by its own clock.
    if (wait === "sent" && reason !== "deadline") this.#parts.onCancel(this, reason);
    return wait;
  }

  credit(): void {
    // Core asks for no stream: the manifest does not claim them.
  }

  /** What was in the way; it is not written any more. */
  #withdraw(): WaitState {
    const { channel, repeats } = this.#parts;
    if (this.#state === "parked") return "no-connection";
    if (this.#state === "confirmed") return "sent";
    if (repeats.isPausing) return "no-room";
    const sender = channel();
    const { obstacle } = sender;
    if (sender.remove(this)) return obstacle;
    sender.forget(this);
    return "sent";
  }

  /** A result that came before its end, as servers of the years before 2016 sent it. */
  #whole(last: Outcome): Outcome {
    const partial = this.#partial;
    return partial !== undefined && last.ok && last.value === null ? partial : last;
  }

  #end(): boolean {
    if (this.#state === "over") return false;
    this.#state = "over";
    this.#leaveBudget();
    this.#parts.repeats.cancel();
    this.#parts.onEnd(this);
    return true;
  }

  #leaveBudget(): void {
    if (!this.#isInBudget) return;
    this.#isInBudget = false;
    this.#parts.budget.release(this.#bytes);
  }
}
