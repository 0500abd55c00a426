import type { ListenerTerms } from "../link/frames.js";
import type { AddressQueue } from "./address-queue.js";
import type { Port } from "./port.js";
import type { Copy } from "./ticket.js";

/** A listener as the bus knows it: its credit, what it has in hand, and the queues that it draws from. */
export class Consumer {
  readonly port: Port;
  readonly terms: ListenerTerms;
  /** An rpc listener's own queue of fanouts. */
  readonly fanouts: AddressQueue | undefined;
  readonly #queues: readonly AddressQueue[];
  readonly #inHand: Set<Copy> = new Set();
  #credit: number;
  #isLive = true;

  constructor(port: Port, terms: ListenerTerms, queues: readonly AddressQueue[], fanouts: AddressQueue | undefined) {
    this.port = port;
    this.terms = terms;
    this.fanouts = fanouts;
    this.#queues = fanouts === undefined ? queues : [...queues, fanouts];
    this.#credit = terms.credit;
  }

  /**
   * What it was handed is never given to another: RPC, however it acknowledges (B12), and events that are acknowledged when
   * they are taken. Else only its verdict acknowledges (C4).
   */
  get isAtMostOnce(): boolean {
    return this.terms.what.kind === "rpc" || this.terms.acknowledge === "on-take";
  }

  /** False while its link is lost (it is away, and what is directed at it waits, A7) and once it has left. */
  get isLive(): boolean {
    return this.#isLive;
  }

  get inHand(): number {
    return this.#inHand.size;
  }

  get hasRoom(): boolean {
    return this.#isLive && this.#inHand.size < this.#credit;
  }

  /** From now on messages come to it. */
  join(): void {
    for (const queue of this.#queues) queue.join(this);
    this.fill();
  }

  setCredit(credit: number): void {
    this.#credit = credit;
    this.fill();
  }

  deliver(copy: Copy): void {
    copy.stopTimer();
    copy.holder = this;
    this.#inHand.add(copy);
    this.port.deliver(this, copy);
    copy.ticket.accept(copy);
    copy.ticket.dispatched(this.port.peer);
  }

  /** The copy is out of its hands. */
  release(copy: Copy): void {
    copy.holder = undefined;
    this.#inHand.delete(copy);
  }

  /** Takes what waits, the oldest first, as far as the credit goes. */
  fill(): void {
    while (this.hasRoom) {
      let oldest: Copy | undefined;
      for (const queue of this.#queues) {
        const copy = queue.oldestFor(this);
        if (copy !== undefined && (oldest === undefined || copy.seq < oldest.seq)) oldest = copy;
      }
      if (oldest === undefined || !oldest.queue.withdraw(oldest)) return;
      this.deliver(oldest);
    }
  }

  /** Its link is lost. */
  goAway(): void {
    this.#isLive = false;
    // A fanout waits for nobody who is not there (A4).
    this.fanouts?.loseHeld(this.port.peer);
    for (const queue of this.#queues) queue.review();
  }

  /** Its link is there again, with this much credit. */
  comeBack(credit: number): void {
    this.#isLive = true;
    for (const queue of this.#queues) queue.review();
    this.setCredit(credit);
  }

  /** Goaway: nothing more comes to it. What it has in hand it can still settle. */
  leave(): void {
    this.#isLive = false;
    for (const queue of this.#queues) if (queue !== this.fanouts) queue.leave(this);
    this.fanouts?.loseAll(this.port.peer);
    this.fanouts?.leave(this);
  }
}
