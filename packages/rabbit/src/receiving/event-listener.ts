import type { Address, Delivery, ListenOptions, Priority, Verdict } from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import type { Source } from "../topology/declarations.js";
import type { AckToken } from "./ack-token.js";
import { type ArrivedEvent, readArrivedEvent, unreadable } from "./arrival.js";
import { BaseListener } from "./base-listener.js";
import { EventDelivery, type EventDeliveryHost } from "./event-delivery.js";
import { HoldWatch, spanText } from "./hold-watch.js";
import { Ledger } from "./ledger.js";
import type { ListenerHost } from "./listener-host.js";
import type { Requeuer } from "./requeuer.js";

export interface EventListenerParts {
  readonly host: ListenerHost;
  readonly driverName: string;
  readonly address: Address;
  readonly priorities: readonly Priority[];
  readonly sources: readonly Source[];
  readonly options: ListenOptions;
  readonly requeuer: Requeuer;
  /** How many messages of one queue the broker hands over; 0: as the credit says. */
  readonly prefetch: number;
  deliver(delivery: Delivery): void;
  onEnd(): void;
}

/**
 * A listener of either naming: an event is acknowledged when it is settled, and goes to another of its pool where its holder is
 * lost. What comes again to the same listener under its own id and attempt is handled once (B10).
 */
export class EventListener extends BaseListener<EventDelivery> implements EventDeliveryHost {
  readonly driverName: string;
  readonly #address: Address;
  readonly #priorities: ReadonlySet<Priority>;
  readonly #requeuer: Requeuer;
  readonly #ledger: Ledger<EventDelivery>;
  readonly #mine: Set<EventDelivery> = new Set();
  readonly #requeues: Set<Promise<void>> = new Set();
  readonly #watch: HoldWatch<EventDelivery>;

  constructor(parts: EventListenerParts) {
    const { host, address, sources, options, prefetch } = parts;
    const name = `events of topic "${address.topic}"`;
    super(host, name, sources, parts.deliver, options, () => prefetch || options.credit, parts.onEnd);
    this.driverName = parts.driverName;
    this.#address = address;
    this.#priorities = new Set(parts.priorities);
    this.#requeuer = parts.requeuer;
    this.#ledger = new Ledger(host.clock);
    this.#watch = new HoldWatch(host.clock, host.consumerTimeoutMs, this.#mine, (held) => this.#overdue(held));
  }

  released(): void {
    this.gate.release();
  }

  takes(delivery: EventDelivery): boolean {
    // Where the connection was lost meanwhile, another may have it: an event may be handled twice then, and is not lost.
    return this.#ledger.take(delivery.key);
  }

  settles(delivery: EventDelivery, verdict: Verdict, delayMs: number): void {
    this.gate.release();
    switch (verdict) {
      case "done":
        delivery.acknowledge();
        this.#finish(delivery);
        return;
      case "reject":
        delivery.reject();
        this.#finish(delivery);
        return;
      case "hand-back":
        delivery.giveBack();
        this.#finish(delivery);
        return;
      case "requeue": {
        const done = this.#requeuer.requeue(delivery, delayMs).then(() => this.#finish(delivery));
        this.#requeues.add(done);
        void done.then(() => this.#requeues.delete(done));
      }
    }
  }

  protected receive(message: ConsumeMessage, source: Source, token: AckToken): void {
    const hold = { token, tag: message.fields.deliveryTag };
    let arrived: ArrivedEvent;
    try {
      arrived = readArrivedEvent(message, source, hold, this.host);
    } catch (error) {
      token.reject(hold.tag);
      this.host.dropped("malformed", `an event that cannot be read: ${unreadable(error)}`);
      return;
    }
    const attempt = this.#requeuer.attemptOf(arrived);
    const key = `${arrived.id}/${attempt}`;
    const held = this.#ledger.held(key);
    if (held !== undefined) {
      held.holds.push(hold);
      return;
    }
    const isUnasked = !this.#priorities.has(arrived.event.priority);
    if (isUnasked || this.#ledger.wasTaken(key)) {
      // A pool's one queue gets the priorities of all who listen to it (rabbit+oslo): what none here wants is settled.
      token.ack(hold.tag);
      if (!isUnasked) this.host.dropped("duplicates", "an event that came again after it was handled", arrived.peer);
      return;
    }
    const { realm, exchange, topic } = this.#address;
    const delivery = new EventDelivery(this, arrived, { realm, exchange, topic }, attempt, key, this.host.clock.now());
    this.#ledger.hold(key, delivery);
    this.#mine.add(delivery);
    if (this.isStopping) this.giveBack(delivery);
    else this.gate.offer(delivery);
  }

  protected giveBack(delivery: EventDelivery): void {
    if (delivery.isSettled) return;
    delivery.end();
    delivery.giveBack();
    this.#finish(delivery);
  }

  protected abandon(): void {
    this.#watch.close();
    this.#requeuer.hurry();
    for (const delivery of [...this.#mine]) {
      if (!delivery.isSettled) this.giveBack(delivery);
    }
  }

  protected async parted(): Promise<void> {
    await Promise.all(this.#requeues);
  }

  protected async clearOwn(): Promise<void> {
    // Its queues are those of its pool, and wait for the next who listens.
  }

  /** What waits goes to another listener; what is handled is the broker's no more, and lost if this process dies now. */
  #overdue(delivery: EventDelivery): void {
    if (delivery.isSettled || delivery.holds.length === 0) return;
    const held = spanText(this.host.clock.now() - delivery.since);
    const what = `an event ${JSON.stringify(delivery.message.eventType)} of ${this.name}`;
    const allowed = "half of what the broker allows (consumerTimeoutMs)";
    if (delivery.isTaken) {
      delivery.acknowledge();
      this.host.warn(`${what} has been handled for ${held}, ${allowed}: acknowledged`);
      return;
    }
    delivery.withdraw();
    delivery.giveBack();
    this.#finish(delivery);
    this.host.warn(`${what} has waited for ${held} for a handler, ${allowed}: given back`);
  }

  #finish(delivery: EventDelivery): void {
    this.#ledger.release(delivery.key, delivery);
    this.#mine.delete(delivery);
  }
}
