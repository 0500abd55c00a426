import {
  type Address,
  type Delivery,
  InvalidArgumentError,
  NotSupportedError,
  type Outcome,
  type Request,
  type Route,
  type Verdict,
} from "@trunkline/core/driver";
import type { ArrivedRequest, Hold } from "./arrival.js";

/** What a request's delivery asks of the listener that it came by. */
export interface RpcDeliveryHost {
  readonly driverName: string;
  /** The instant before dispatch; false where it must not run. */
  takes(delivery: RpcDelivery): boolean;
  beats(delivery: RpcDelivery): void;
  /** Core is done with one that was withdrawn from it. */
  released(): void;
  /** Once. @throws SerializationError, NotSupportedError, MessageTooLargeError before anything was sent. */
  settles(delivery: RpcDelivery, verdict: Verdict, outcome: Outcome | undefined): void;
}

/** A request in a server's hands. */
export class RpcDelivery implements Delivery {
  readonly message: Request;
  readonly to: Address;
  readonly peer: string;
  readonly redelivered: boolean;
  readonly attempt = 1;
  readonly until: number | undefined;
  readonly wantsReply: boolean;
  readonly monitorMs: number | undefined;
  readonly route: Route = {};
  readonly arrived: ArrivedRequest;
  /** When it came, on the clock's `now()`. */
  readonly since: number;
  /** Where the broker waits for its verdict: more than one place, where it came again. */
  readonly holds: Hold[];
  /** Under which the ledger knows it. */
  readonly key: string;
  /** It is on its way back to its queue, in a message of its own. */
  isGivenBack = false;
  /** What was given back has come again: its queue had it. */
  hasComeAgain = false;
  readonly #host: RpcDeliveryHost;
  #state: "waiting" | "taken" | "withdrawn" | "settled" = "waiting";
  #cancelled: string | undefined;
  #onCancel: ((reason: string) => void) | undefined;

  constructor(host: RpcDeliveryHost, arrived: ArrivedRequest, to: Address, key: string, since: number) {
    this.#host = host;
    this.arrived = arrived;
    this.message = arrived.request;
    this.to = to;
    this.peer = arrived.peer;
    this.redelivered = arrived.isRedelivered;
    this.until = arrived.until;
    this.wantsReply = arrived.replyTo !== undefined;
    this.monitorMs = arrived.monitorMs;
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

  /** The broker waits for its verdict; otherwise the connection was lost by which it came, and the broker gives it to others. */
  get isHeldByBroker(): boolean {
    return this.holds.some(({ token }) => token.isOpen);
  }

  /**
   * Whether `arrived`, of the same id, is what was given back, here or by whoever had that, and not this one again. No sender sends a
   * request again that the broker may have; the broker flags what it gives again; what is given back has the time at which it was.
   */
  isGivenBackIn({ isRedelivered, sentAtMs }: ArrivedRequest): boolean {
    if (!this.isGivenBack) return false;
    return !isRedelivered || this.isHeldByBroker || sentAtMs !== this.arrived.sentAtMs;
  }

  /** Nobody waits for it any more. */
  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  take(): boolean {
    if (this.#state !== "waiting" || this.#cancelled !== undefined || !this.#host.takes(this)) return false;
    this.#state = "taken";
    return true;
  }

  onCancel(fn: (reason: string) => void): void {
    if (this.#cancelled === undefined) this.#onCancel = fn;
    else fn(this.#cancelled);
  }

  beat(): void {
    if (this.#state !== "settled") this.#host.beats(this);
  }

  item(): Promise<void> {
    return Promise.reject(
      new NotSupportedError("the rabbit driver does not claim streaming", "streaming", this.#host.driverName),
    );
  }

  settle(verdict: Verdict, outcome?: Outcome): void {
    if (this.#state === "settled") return;
    if (this.#state === "withdrawn") {
      this.#state = "settled";
      this.#host.released();
      return;
    }
    if (verdict === "requeue") {
      throw new InvalidArgumentError("only an event can be requeued; hand a request back instead");
    }
    this.#host.settles(this, verdict, outcome);
    this.#state = "settled";
  }

  /** The caller has given up. */
  cancel(reason: string): void {
    if (this.#state === "settled" || this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    this.#onCancel?.(reason);
    this.#onCancel = undefined;
  }

  /** It goes to another, though core still has it: it will not be dispatched here. */
  withdraw(): void {
    this.#state = "withdrawn";
  }

  /** The listener has ended: nothing that is done with it has an effect any more. */
  end(): void {
    this.#state = "settled";
  }

  /** The broker has its verdict: at once, or where so many may be held up for a few ms, with others. */
  acknowledge(most = 1): void {
    for (const { token, tag } of this.holds.splice(0)) token.ackSoon(tag, most);
  }
}
