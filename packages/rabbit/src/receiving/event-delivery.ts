import {
  type Address,
  type Delivery,
  type Event,
  NotSupportedError,
  type Outcome,
  type Route,
  type Verdict,
} from "@trunkline/core/driver";
import type { ArrivedEvent, Hold } from "./arrival.js";

/** What an event's delivery asks of the listener that it came by. */
export interface EventDeliveryHost {
  readonly driverName: string;
  /** The instant before dispatch; false where it must not be handled. */
  takes(delivery: EventDelivery): boolean;
  settles(delivery: EventDelivery, verdict: Verdict, delayMs: number): void;
  /** Core is done with one that was withdrawn from it. */
  released(): void;
}

/** An event in a listener's hands. */
export class EventDelivery implements Delivery {
  readonly message: Event;
  readonly to: Address;
  readonly peer: string;
  readonly redelivered: boolean;
  readonly attempt: number;
  readonly until: undefined;
  readonly wantsReply = false;
  readonly monitorMs: undefined;
  readonly route: Route = {};
  readonly arrived: ArrivedEvent;
  readonly since: number;
  readonly holds: Hold[];
  /** Of this event and this attempt. */
  readonly key: string;
  readonly #host: EventDeliveryHost;
  #state: "waiting" | "taken" | "withdrawn" | "settled" = "waiting";

  constructor(
    host: EventDeliveryHost,
    arrived: ArrivedEvent,
    to: Address,
    attempt: number,
    key: string,
    since: number,
  ) {
    this.#host = host;
    this.arrived = arrived;
    this.message = arrived.event;
    this.to = to;
    this.peer = arrived.peer;
    this.redelivered = arrived.isRedelivered || attempt > 1;
    this.attempt = attempt;
    this.until = undefined;
    this.monitorMs = undefined;
    this.since = since;
    this.holds = [arrived.hold];
    this.key = key;
  }

  get isTaken(): boolean {
    return this.#state === "taken";
  }

  /** Nothing more is to be done with it here. */
  get isSettled(): boolean {
    return this.#state === "settled" || this.#state === "withdrawn";
  }

  take(): boolean {
    if (this.#state !== "waiting" || !this.#host.takes(this)) return false;
    this.#state = "taken";
    return true;
  }

  onCancel(): void {
    // Nobody waits for an event, so that nobody gives it up.
  }

  beat(): void {
    // Nor is anybody told that it is being handled.
  }

  item(): Promise<void> {
    return Promise.reject(
      new NotSupportedError("the rabbit driver does not claim streaming", "streaming", this.#host.driverName),
    );
  }

  settle(verdict: Verdict, _outcome?: Outcome, options?: { readonly delayMs?: number }): void {
    if (this.#state === "settled") return;
    if (this.#state === "withdrawn") {
      this.#state = "settled";
      this.#host.released();
      return;
    }
    this.#host.settles(this, verdict, options?.delayMs ?? 0);
    this.#state = "settled";
  }

  /** It goes to another, though core still has it: it will not be handled here. */
  withdraw(): void {
    this.#state = "withdrawn";
  }

  /** The listener has ended: nothing that is done with it has an effect any more. */
  end(): void {
    this.#state = "settled";
  }

  acknowledge(): void {
    for (const { token, tag } of this.holds.splice(0)) token.ack(tag);
  }

  reject(): void {
    for (const { token, tag } of this.holds) token.reject(tag);
  }

  /** To others of its pool, at once. */
  giveBack(): void {
    for (const { token, tag } of this.holds) token.giveBack(tag);
  }
}
