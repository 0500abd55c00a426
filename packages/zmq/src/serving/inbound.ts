/** What arrived over an accepted link, as the seam's deliveries. Each holds one token of its listener's credit until it is settled. */
import {
  type Address,
  type Delivery,
  NotSupportedError,
  type Outcome,
  type Route,
  type Verdict,
} from "@trunkline/core/driver";
import {
  type EventBody,
  eventOf,
  type InboundEvent,
  type InboundRequest,
  type InboundRoute,
} from "./inbound-message.js";
import type { InHand, LocalListener } from "./local-listener.js";
import type { Served } from "./served.js";

/** What a delivery says to the link that it came over. */
export interface InboundLink {
  /** Who dialled. */
  readonly peerName: string;
  /** @throws SerializationError, MessageTooLargeError: nothing was written. */
  answer(call: InboundCall, outcome: Outcome): void;
  /** There is an answer, and nobody waits for it. */
  dropAnswer(): void;
  beat(call: InboundCall): void;
  giveBackCall(call: InboundCall): void;
  giveBackCast(cast: InboundCast): void;
  giveBackEvent(event: InboundEventDelivery): void;
  /** The event goes back to its sender, who chooses among its pool again. False: the sender is gone. */
  requeue(event: InboundEventDelivery, delayMs: number): boolean;
  /** An event was to be delivered here again, and its listener has stopped. */
  dropRequeued(): void;
  /** The call's slot is free. */
  forget(call: InboundCall): void;
  /** A cast or an event was settled, or went back. */
  countHandled(): void;
  after(delayMs: number, run: () => void): void;
}

/** `waiting`: core has it and has not begun. `taken`: it runs. `settled`: its token is free again. */
type InHandState = "waiting" | "taken" | "settled";

abstract class Inbound implements InHand {
  previous: InHand | undefined = undefined;
  next: InHand | undefined = undefined;
  readonly redelivered: boolean = false;
  readonly peer: string;
  protected state: InHandState = "waiting";
  protected readonly link: InboundLink;
  protected readonly served: Served;

  constructor(link: InboundLink, served: Served) {
    this.link = link;
    this.served = served;
    this.peer = link.peerName;
  }

  abstract settle(verdict: Verdict): void;

  handBack(): void {
    if (this.state === "waiting") this.settle("hand-back");
  }

  item(): Promise<void> {
    return Promise.reject(
      new NotSupportedError('a streamed result needs the capability "streaming"', "streaming", "zmq"),
    );
  }

  /** The message leaves the listener's hand, and its token with it. */
  protected finish(): void {
    this.state = "settled";
    this.served.listener.remove(this);
    this.served.listener.ledger.release(this.served.grant);
  }
}

/** A call: its slot is where its outcome is told. */
export class InboundCall extends Inbound implements Delivery {
  readonly attempt = 1;
  readonly wantsReply = true;
  readonly message: InboundRequest;
  readonly route: InboundRoute;
  readonly until: number;
  readonly monitorMs: number | undefined;
  readonly slot: number;
  readonly generation: number;
  /** Why the caller does not wait any more. */
  #cancelled: string | undefined = undefined;
  #onCancel: ((reason: string) => void) | undefined = undefined;

  constructor(
    link: InboundLink,
    served: Served,
    route: InboundRoute,
    message: InboundRequest,
    slot: number,
    generation: number,
    until: number,
    monitorMs: number | undefined,
  ) {
    super(link, served);
    this.route = route;
    this.message = message;
    this.slot = slot;
    this.generation = generation;
    this.until = until;
    this.monitorMs = monitorMs;
  }

  get to(): Address {
    return this.route.to;
  }

  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  take(): boolean {
    if (this.state !== "waiting" || this.#cancelled !== undefined) return false;
    this.state = "taken";
    return true;
  }

  onCancel(fn: (reason: string) => void): void {
    this.#onCancel = fn;
    if (this.#cancelled !== undefined) fn(this.#cancelled);
  }

  /** The caller, or its whole process, waits no more. It stays in hand until core settles it. */
  cancel(reason: string): void {
    if (this.#cancelled !== undefined || this.state === "settled") return;
    this.#cancelled = reason;
    this.#onCancel?.(reason);
  }

  beat(): void {
    if (this.state !== "settled" && this.#cancelled === undefined) this.link.beat(this);
  }

  settle(verdict: Verdict, outcome?: Outcome): void {
    if (this.state === "settled") return;
    if (this.#cancelled === undefined) {
      // Throws where the outcome cannot travel; the call is then still in hand.
      if (verdict === "done" && outcome !== undefined) this.link.answer(this, outcome);
      else if (verdict === "hand-back") this.link.giveBackCall(this);
    } else if (verdict === "done") this.link.dropAnswer();
    this.link.forget(this);
    this.finish();
  }
}

/** A cast or one server's part of a fanout. */
export class InboundCast extends Inbound implements Delivery {
  readonly attempt = 1;
  readonly wantsReply = false;
  readonly message: InboundRequest;
  readonly route: InboundRoute;
  readonly sequence: number;

  constructor(link: InboundLink, served: Served, route: InboundRoute, message: InboundRequest, sequence: number) {
    super(link, served);
    this.route = route;
    this.message = message;
    this.sequence = sequence;
  }

  get to(): Address {
    return this.route.to;
  }

  take(): boolean {
    if (this.state !== "waiting") return false;
    this.state = "taken";
    return true;
  }

  /** Nobody waits for a cast, so nobody cancels it: it runs though its sender be gone. */
  onCancel(): void {}

  beat(): void {}

  settle(verdict: Verdict): void {
    if (this.state === "settled") return;
    if (verdict === "hand-back") this.link.giveBackCast(this);
    this.link.countHandled();
    this.finish();
  }
}

export class InboundEventDelivery extends Inbound implements Delivery {
  readonly wantsReply = false;
  readonly message: InboundEvent;
  readonly body: EventBody;
  readonly route: Route;
  readonly to: Address;
  readonly attempt: number;
  readonly sequence: number;

  constructor(
    link: InboundLink,
    served: Served,
    message: InboundEvent,
    body: EventBody,
    attempt: number,
    sequence: number,
  ) {
    super(link, served);
    this.message = message;
    this.body = body;
    this.route = served.eventRoute;
    this.to = served.eventTo;
    this.attempt = attempt;
    this.sequence = sequence;
  }

  get listener(): LocalListener {
    return this.served.listener;
  }

  take(): boolean {
    if (this.state !== "waiting") return false;
    this.state = "taken";
    return true;
  }

  onCancel(): void {}

  beat(): void {}

  settle(verdict: Verdict, _outcome?: Outcome, options?: { readonly delayMs?: number }): void {
    if (this.state === "settled") return;
    if (verdict === "requeue" && !this.link.requeue(this, options?.delayMs ?? 0)) {
      this.#deliverAgain(options?.delayMs ?? 0);
      return;
    }
    if (verdict === "hand-back") this.link.giveBackEvent(this);
    this.link.countHandled();
    this.finish();
  }

  /** Its sender is gone, and nobody else could choose another of the pool: this listener gets it again. The token stays with it. */
  #deliverAgain(delayMs: number): void {
    this.state = "settled";
    this.link.after(delayMs, () => {
      this.listener.remove(this);
      if (!this.listener.accepts) {
        this.listener.ledger.release(this.served.grant);
        this.link.dropRequeued();
        return;
      }
      const { link, served, body, attempt, sequence } = this;
      const message = eventOf(body, this.message.priority);
      this.listener.deliver(new InboundEventDelivery(link, served, message, body, attempt + 1, sequence));
    });
  }
}
