import type { Bus } from "./bus.js";
import type { Consumer } from "./consumer.js";
import type { Copy } from "./ticket.js";

interface Held {
  readonly consumer: Consumer;
  readonly copy: Copy;
}

/** What one transport's listeners have in hand, by the number of the delivery, and what becomes of it when they cannot settle it. */
export class InHand {
  readonly #bus: Bus;
  readonly #peer: string;
  readonly #held: Map<number, Held> = new Map();
  #deliveries = 0;

  constructor(bus: Bus, peer: string) {
    this.#bus = bus;
    this.#peer = peer;
  }

  /** Numbers the delivery, rising on this link. */
  add(consumer: Consumer, copy: Copy): number {
    this.#deliveries += 1;
    copy.delivery = this.#deliveries;
    this.#held.set(copy.delivery, { consumer, copy });
    return copy.delivery;
  }

  get(delivery: number): Held | undefined {
    return this.#held.get(delivery);
  }

  /** It leaves the transport's hands. */
  take(delivery: number): Held | undefined {
    const held = this.#held.get(delivery);
    if (held === undefined) return undefined;
    this.#held.delete(delivery);
    held.consumer.release(held.copy);
    return held;
  }

  /** Certainly not dispatched: for another. Nobody else can be given one listener's fanout, or a call that was given up. */
  giveBack(copy: Copy): void {
    const { ticket } = copy;
    if (ticket.frame.kind === "fanout" && !canBeServed(copy)) ticket.lose(copy, this.#peer);
    else if (ticket.isCall && ticket.isClosed) ticket.finish(copy);
    else copy.queue.giveBack(copy);
  }

  /** Every delivery after this one never arrived: it is given out again. */
  giveBackAfter(lastDelivery: number): void {
    for (const delivery of [...this.#held.keys()]) {
      if (delivery <= lastDelivery) continue;
      const held = this.take(delivery);
      if (held !== undefined) this.giveBack(held.copy);
    }
  }

  /**
   * The session is over. What runs at most once stays in the transport's hands until it comes back and says how far it got, or
   * leaves for good; callers are told at once, and what its verdict acknowledges goes to another (B12, C4).
   */
  sessionLost(why: string): void {
    for (const [delivery, { consumer, copy }] of [...this.#held]) {
      if (copy.ticket.isCall || !consumer.isAtMostOnce) this.#die(delivery, why);
    }
  }

  /** What these listeners had in hand dies with them, but for what goes to another of its pool. */
  bury(isDead: (consumer: Consumer) => boolean, why: string): void {
    for (const [delivery, { consumer }] of [...this.#held]) if (isDead(consumer)) this.#die(delivery, why);
  }

  #die(delivery: number, why: string): void {
    const held = this.take(delivery);
    if (held === undefined) return;
    const { consumer, copy } = held;
    const { ticket } = copy;
    if (ticket.isCall) {
      ticket.finish(copy);
      ticket.loseCall(why, true);
    } else if (consumer.isAtMostOnce) {
      ticket.lose(copy, this.#peer);
    } else {
      this.#bus.count("redelivered");
      copy.isRedelivered = true;
      copy.queue.giveBack(copy);
    }
  }
}

function canBeServed(copy: Copy): boolean {
  return [...copy.queue.consumers].some((consumer) => copy.refusedBy?.has(consumer) !== true);
}
