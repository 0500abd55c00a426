import { setImmediate } from "node:timers";
import {
  type Clock,
  type Delivery,
  DuplicateWindow,
  type Listener,
  type ListenOptions,
  type MessagingError,
  type Outcome,
  type Subscription,
} from "@trunkline/core/driver";
import type { Encoder } from "../link/codec.js";
import type { DeliverFrame, ListenerTerms, UpFrame } from "../link/frames.js";
import { DUPLICATE_WINDOW } from "../options.js";
import { type DeliveryHost, FakeDelivery, type SettleFrame } from "./fake-delivery.js";

/** What a listener needs of its transport. */
export interface ListenerHost {
  readonly clock: Clock;
  readonly encoder: Encoder;
  readonly isConnected: boolean;
  /** On the link; where that is lost, after it is back if the frame still matters then. */
  tell(frame: UpFrame): void;
  /** Something was dropped: counted under `name`, and reported (B9, B10). */
  dropped(name: string, reason: string, peer: string): void;
  /** It has ended. */
  forget(listener: FakeListener): void;
}

/** The receiving half of a transport, for one subscription. */
export class FakeListener implements Listener, DeliveryHost {
  readonly id: number;
  readonly closed: Promise<MessagingError | undefined>;
  readonly #host: ListenerHost;
  readonly #what: Subscription;
  readonly #options: ListenOptions;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #window: DuplicateWindow;
  /** What the bus counts as in this listener's hands. */
  readonly #inHand: Map<number, FakeDelivery> = new Map();
  /** What came before the application had the listener. */
  readonly #early: FakeDelivery[] = [];
  /** By their keys: events that were taken, and whose verdict could not be told; the verdict, once it was given. */
  readonly #untold: Map<string, FakeDelivery | SettleFrame> = new Map();
  #credit: number;
  /** Handlers that go on for messages which the bus has given up: they take room until they have finished (B13). */
  #carried = 0;
  #state: "starting" | "open" | "stopping" | "closed" = "starting";
  #onStarted: ((error?: MessagingError) => void) | undefined;
  #onStopped: (() => void) | undefined;
  #stopped: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #resolveClosed: (error: MessagingError | undefined) => void = () => {};

  constructor(
    host: ListenerHost,
    id: number,
    what: Subscription,
    deliver: (delivery: Delivery) => void,
    options: ListenOptions,
  ) {
    this.#host = host;
    this.id = id;
    // Names alone travel: an address carries a memo of its owner's.
    const { realm, exchange, topic, server } = what.address;
    const address = { realm, exchange, topic, ...(server === undefined ? {} : { server }) };
    this.#what =
      what.kind === "rpc" ? { kind: "rpc", address } : { ...what, address, priorities: [...what.priorities] };
    this.#deliver = deliver;
    this.#options = options;
    this.#credit = options.credit;
    this.#window = new DuplicateWindow({ ...DUPLICATE_WINDOW, clock: host.clock });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get acknowledge(): "on-take" | "on-settle" {
    return this.#options.acknowledge;
  }

  get now(): number {
    return this.#host.clock.now();
  }

  /** Whether the bus should know of it. */
  get isWanted(): boolean {
    return this.#state === "starting" || this.#state === "open";
  }

  get inHand(): number {
    return this.#inHand.size + this.#carried;
  }

  get terms(): ListenerTerms {
    return {
      listener: this.id,
      what: this.#what,
      credit: Math.max(0, this.#credit - this.#carried),
      acknowledge: this.#options.acknowledge,
    };
  }

  /** Resolves when the bus has it (E2). */
  start(): Promise<Listener> {
    return new Promise((resolve, reject) => {
      this.#onStarted = (error) => {
        this.#onStarted = undefined;
        if (error !== undefined) {
          reject(error);
          return;
        }
        resolve(this);
        // The application gets the listener first, behind however many promises, and only then what comes to it.
        setImmediate(() => this.#open());
      };
      this.#host.tell({ type: "listen", terms: this.terms });
    });
  }

  started(): void {
    this.#onStarted?.();
  }

  setCredit(deliveries: number): void {
    this.#credit = deliveries;
    this.#announce();
  }

  stop(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    this.#stopped ??= new Promise((resolve) => {
      this.#state = "stopping";
      this.#onStopped = resolve;
      for (const delivery of this.#early.splice(0)) delivery.settle("hand-back");
      if (this.#host.isConnected) this.#host.tell({ type: "stop", listener: this.id });
      else resolve();
    });
    return this.#stopped;
  }

  stopped(): void {
    this.#onStopped?.();
  }

  close(): Promise<void> {
    this.#closing ??= this.stop().then(() => this.end());
    return this.#closing;
  }

  /** Hands back what was never taken, and is gone. */
  end(reason?: MessagingError): void {
    if (this.#state === "closed") return;
    // First of all goaway, or what is handed back makes room for more.
    if (this.isWanted) this.#host.tell({ type: "stop", listener: this.id });
    for (const delivery of [...this.#inHand.values()]) {
      if (!delivery.isTaken) delivery.settle("hand-back");
      delivery.end();
    }
    this.#state = "closed";
    this.#inHand.clear();
    this.#untold.clear();
    this.#early.length = 0;
    this.#host.tell({ type: "close-listener", listener: this.id });
    this.#host.forget(this);
    this.#onStopped?.();
    if (reason !== undefined) this.#onStarted?.(reason);
    this.#resolveClosed(undefined);
  }

  /** A message has arrived. */
  received(frame: DeliverFrame): void {
    const delivery = new FakeDelivery(this, frame);
    if (this.#knows(delivery)) return;
    this.#inHand.set(frame.delivery, delivery);
    if (this.#state === "starting") this.#early.push(delivery);
    else this.#deliver(delivery);
  }

  /** True where the delivery is this listener's. */
  cancel(number: number, reason: string): boolean {
    const delivery = this.#inHand.get(number);
    delivery?.cancel(reason);
    return delivery !== undefined;
  }

  /** The link is lost. */
  lost(reason: string): void {
    for (const [number, delivery] of [...this.#inHand]) {
      if (delivery.outlivesLink) continue;
      this.#inHand.delete(number);
      if (delivery.isTaken) {
        this.#carried += 1;
        if (delivery.message.kind === "event") this.#remember(delivery.key, delivery);
      }
      delivery.detach(reason);
    }
    // Nothing comes over a lost link, and the next session will not list it.
    if (this.#state === "stopping") this.#onStopped?.();
  }

  /** The link was lost with the verdict on an event under way: it is told when the event comes again. */
  unheard(key: string, frame: SettleFrame): void {
    this.#remember(key, frame);
  }

  isNew(key: string): boolean {
    return this.#window.isNew(key);
  }

  encode(outcome: Outcome): Buffer {
    return this.#host.encoder.outcome(outcome);
  }

  beat(delivery: number): void {
    this.#host.tell({ type: "beat", delivery });
  }

  settled(delivery: FakeDelivery, frame: SettleFrame): void {
    if (this.#state === "closed") return;
    if (!delivery.isDetached) {
      if (!delivery.isTaken && frame.mayHaveRun)
        this.#host.dropped("duplicates", "it came before under its own id", delivery.peer);
      this.#inHand.delete(delivery.number);
      this.#host.tell(frame);
      return;
    }
    if (!delivery.isTaken) return;
    this.#carried -= 1;
    if (this.#untold.has(delivery.key)) this.#untold.set(delivery.key, frame);
    if (delivery.wantsReply)
      this.#host.dropped("repliesLost", "the caller's connection was lost before the reply", delivery.peer);
    this.#announce();
  }

  /**
   * An event that was taken here before its link was lost, and that the bus hands out again to this same listener: it is not handled
   * twice (B10). The verdict that could not be told is told now, or when it is given.
   */
  #knows({ key, number, peer }: FakeDelivery): boolean {
    const before = this.#untold.get(key);
    if (before === undefined) return false;
    this.#untold.delete(key);
    if (before instanceof FakeDelivery) {
      before.attach(number);
      this.#carried -= 1;
      this.#inHand.set(number, before);
      this.#announce();
    } else this.#host.tell({ ...before, delivery: number });
    this.#host.dropped("duplicates", "an event that was handled came again, since its link was lost", peer);
    return true;
  }

  #remember(key: string, verdict: FakeDelivery | SettleFrame): void {
    this.#untold.set(key, verdict);
    if (this.#untold.size <= DUPLICATE_WINDOW.ids) return;
    const [oldest] = this.#untold.keys();
    if (oldest !== undefined) this.#untold.delete(oldest);
  }

  #open(): void {
    if (this.#state !== "starting") return;
    this.#state = "open";
    for (const delivery of this.#early.splice(0)) if (!delivery.isDetached) this.#deliver(delivery);
  }

  #announce(): void {
    if (this.isWanted) this.#host.tell({ type: "credit", listener: this.id, credit: this.terms.credit });
  }
}
