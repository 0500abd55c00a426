import {
  type Address,
  type Delivery,
  type Event,
  InvalidArgumentError,
  NotSupportedError,
  type Outcome,
  type Request,
  type Route,
  type Verdict,
} from "@trunkline/core/driver";
import { decodeMessage } from "../link/codec.js";
import type { DeliverFrame, UpFrame } from "../link/frames.js";

export type SettleFrame = Extract<UpFrame, { type: "settle" }>;

/** What a delivery needs of its listener. */
export interface DeliveryHost {
  readonly id: number;
  readonly acknowledge: "on-take" | "on-settle";
  readonly now: number;
  /** False where this was taken before (B10). */
  isNew(key: string): boolean;
  /** @throws SerializationError, MessageTooLargeError */
  encode(outcome: Outcome): Buffer;
  beat(delivery: number): void;
  settled(delivery: FakeDelivery, frame: SettleFrame): void;
}

/** One message in a listener's hands. */
export class FakeDelivery implements Delivery {
  readonly message: Request | Event;
  readonly to: Address;
  readonly peer: string;
  readonly redelivered: boolean;
  readonly attempt: number;
  readonly until: number | undefined;
  readonly wantsReply: boolean;
  readonly monitorMs: number | undefined;
  readonly route: Route = {};
  /** The bus's number for it; another one where it came again while it was handled. */
  number: number;
  readonly #host: DeliveryHost;
  /** The same whenever the bus hands out the same: an event that was asked for again is another (C4). */
  readonly key: string;
  #isTaken = false;
  #isDuplicate = false;
  #isSettled = false;
  #isDetached = false;
  #cancelled: string | undefined;
  #onCancel: ((reason: string) => void) | undefined;

  constructor(host: DeliveryHost, frame: DeliverFrame) {
    this.#host = host;
    this.number = frame.delivery;
    this.message = decodeMessage(frame.body);
    this.to = { ...frame.to, ...(frame.kind === "fanout" ? { fanout: true } : {}), memo: undefined };
    this.peer = frame.peer;
    this.redelivered = frame.redelivered;
    this.attempt = frame.attempt;
    this.until = frame.remainingMs === undefined ? undefined : host.now + frame.remainingMs;
    this.wantsReply = frame.kind === "call";
    this.monitorMs = frame.monitorMs;
    this.key = frame.kind === "event" ? `${frame.id}/${frame.attempt}` : frame.id;
  }

  get isTaken(): boolean {
    return this.#isTaken;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The bus waits for its verdict no more: it told the caller, or gave the event to another. */
  get isDetached(): boolean {
    return this.#isDetached;
  }

  /** Whether it is still this listener's after the link was lost: what runs at most once is given to nobody else. */
  get outlivesLink(): boolean {
    return !this.wantsReply && (this.message.kind === "request" || this.#host.acknowledge === "on-take");
  }

  take(): boolean {
    if (this.#isTaken || this.#isSettled || this.#isDetached || this.#cancelled !== undefined) return false;
    if (!this.#host.isNew(this.key)) {
      this.#isDuplicate = true;
      return false;
    }
    this.#isTaken = true;
    return true;
  }

  onCancel(fn: (reason: string) => void): void {
    if (this.#cancelled === undefined) this.#onCancel = fn;
    else fn(this.#cancelled);
  }

  beat(): void {
    if (!this.#isSettled && !this.#isDetached) this.#host.beat(this.number);
  }

  item(): Promise<void> {
    return Promise.reject(
      new NotSupportedError("the fake driver does not claim streaming", "streaming", "@trunkline/fake"),
    );
  }

  settle(verdict: Verdict, outcome?: Outcome, options?: { readonly delayMs?: number }): void {
    if (this.#isSettled) return;
    if (verdict === "requeue" && this.message.kind !== "event") {
      throw new InvalidArgumentError("only an event can be requeued; hand a request back instead");
    }
    const isReply = verdict === "done" && this.wantsReply && !this.#isDetached;
    const encoded = isReply ? this.#host.encode(outcome ?? NOTHING) : undefined;
    this.#isSettled = true;
    this.#host.settled(this, {
      type: "settle",
      delivery: this.number,
      verdict,
      mayHaveRun: this.#isTaken || this.#isDuplicate,
      ...(this.#isTaken && this.message.kind === "event" && this.#host.acknowledge !== "on-take"
        ? { event: { listener: this.#host.id, key: this.key } }
        : {}),
      ...(encoded === undefined ? {} : { outcome: encoded }),
      ...(options?.delayMs === undefined ? {} : { delayMs: options.delayMs }),
    });
  }

  /** The caller gave up, or is gone. */
  cancel(reason: string): void {
    if (this.#isSettled || this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    this.#onCancel?.(reason);
    this.#onCancel = undefined;
  }

  /** The link was lost, and the bus has settled it in its own way. */
  detach(reason: string): void {
    this.#isDetached = true;
    if (this.wantsReply) this.cancel(reason);
  }

  /** The bus hands it out again, to this same listener: its verdict is waited for once more. */
  attach(number: number): void {
    this.number = number;
    this.#isDetached = false;
  }

  /** The listener has closed: nothing that is done with it has an effect any more. */
  end(): void {
    this.#isSettled = true;
  }
}

const NOTHING: Outcome = { ok: true, value: null };
