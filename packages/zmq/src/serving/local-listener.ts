import type { Delivery, Subscription } from "@trunkline/core/driver";
import type { Advert } from "../wire/responses.js";
import { CreditLedger } from "./credit-ledger.js";

/**
 * `opening`: advertised, and what comes is held until `listen` has resolved. `open`: delivered as it comes. `stopping`: what
 * still comes is handed back. `closed`: nothing is in hand any more, or will be settled.
 */
export type ListenerState = "opening" | "open" | "stopping" | "closed";

/** What a listener keeps of each message in hand, so that it can give back what was never dispatched. */
export interface InHand {
  /** Gives the message back unless it was taken or settled. */
  handBack(): void;
  previous: InHand | undefined;
  next: InHand | undefined;
}

/** One listener of this process: who delivers, how much may be in hand, and what is. */
export class LocalListener {
  readonly id: number;
  readonly what: Subscription;
  readonly ledger: CreditLedger;
  #state: ListenerState = "opening";
  readonly #deliver: (delivery: Delivery) => void;
  readonly #held: Delivery[] = [];
  #first: InHand | undefined;

  constructor(id: number, what: Subscription, deliver: (delivery: Delivery) => void, credit: number) {
    this.id = id;
    this.what = what;
    this.ledger = new CreditLedger(credit);
    this.#deliver = deliver;
  }

  get state(): ListenerState {
    return this.#state;
  }

  /** True while a message that arrives may be delivered. */
  get accepts(): boolean {
    return this.#state === "open" || this.#state === "opening";
  }

  advert(): Advert {
    const { exchange, topic, server } = this.what.address;
    if (this.what.kind === "rpc") return { kind: "rpc", listener: this.id, exchange, topic, server: server ?? "" };
    return {
      kind: "events",
      listener: this.id,
      exchange,
      topic,
      priorities: this.what.priorities,
      pool: this.what.pool,
    };
  }

  /** A message for core, now or when `open` is called. */
  deliver(delivery: Delivery & InHand): void {
    delivery.next = this.#first;
    if (this.#first !== undefined) this.#first.previous = delivery;
    this.#first = delivery;
    if (this.#state === "open") this.#deliver(delivery);
    else this.#held.push(delivery);
  }

  /** The message was settled, or given back. */
  remove(message: InHand): void {
    if (message.previous !== undefined) message.previous.next = message.next;
    else if (this.#first === message) this.#first = message.next;
    if (message.next !== undefined) message.next.previous = message.previous;
    message.previous = undefined;
    message.next = undefined;
  }

  open(): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    for (const delivery of this.#held.splice(0)) this.#deliver(delivery);
  }

  stop(): void {
    if (this.accepts) this.#state = "stopping";
  }

  /** What core never took goes back to its senders, in the order in which it came: so it is sent again (B11). */
  close(): void {
    this.#state = "closed";
    const newestFirst: InHand[] = [];
    for (let message = this.#first; message !== undefined; message = message.next) newestFirst.push(message);
    for (const message of newestFirst.reverse()) message.handBack();
  }
}
