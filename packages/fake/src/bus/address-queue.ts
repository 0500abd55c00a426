import type { WaitState } from "@trunkline/core/driver";
import type { Consumer } from "./consumer.js";
import type { Copy } from "./ticket.js";
import { type LineLimits, WaitingLine } from "./waiting-line.js";

export interface AddressQueueParts {
  /** For errors: `topic "compute" on server "host1"`. */
  readonly name: string;
  /** A pool of events: it takes over what comes while nobody listens (C8). Else what waits for nobody is unreachable (A7). */
  readonly stores: boolean;
  readonly random: () => number;
  /** Nobody listens, nothing waits, and nothing that came from here is in anybody's hands. */
  readonly onIdle: (queue: AddressQueue) => void;
}

/**
 * The messages of one address (a topic, a server of a topic, one listener's fanouts, one pool's events of one priority) and
 * the listeners that share them.
 *
 * What keeps the order (B11): a message goes straight to a listener only where one with credit wants it, and then nothing
 * waits that this listener could have had; a listener with new credit takes what waits by age, over all of its queues.
 */
export class AddressQueue {
  readonly name: string;
  readonly stores: boolean;
  readonly #random: () => number;
  readonly #onIdle: (queue: AddressQueue) => void;
  readonly #consumers: Set<Consumer> = new Set();
  readonly #line: WaitingLine<Copy> = new WaitingLine();
  #copies = 0;

  constructor(parts: AddressQueueParts) {
    this.name = parts.name;
    this.stores = parts.stores;
    this.#random = parts.random;
    this.#onIdle = parts.onIdle;
  }

  get consumers(): ReadonlySet<Consumer> {
    return this.#consumers;
  }

  get waiting(): number {
    return this.#line.size;
  }

  get waitingBytes(): number {
    return this.#line.bytes;
  }

  isOverflowing(limits: LineLimits): boolean {
    return this.#line.isOverflowing(limits);
  }

  /** A copy was made for this queue. */
  enter(): void {
    this.#copies += 1;
  }

  /** It has left the bus. */
  exit(): void {
    this.#copies -= 1;
    this.checkIdle();
  }

  /** A new message, or one that was requeued. */
  offer(copy: Copy): void {
    const consumer = this.#choose(copy);
    if (consumer !== undefined) {
      consumer.deliver(copy);
      return;
    }
    this.#line.add(copy);
    this.#admit();
    this.#watch(copy);
  }

  /** What was certainly not dispatched, or is to be redelivered: to its old place. */
  giveBack(copy: Copy): void {
    const consumer = this.#choose(copy);
    if (consumer !== undefined) {
      consumer.deliver(copy);
      return;
    }
    this.#line.putBack(copy);
    this.#watch(copy);
  }

  /** False where it does not wait here. */
  withdraw(copy: Copy): boolean {
    if (!this.#line.delete(copy)) return false;
    copy.stopTimer();
    this.#admit();
    return true;
  }

  /** The oldest message that this listener may have; what has expired on the way is dropped. */
  oldestFor(consumer: Consumer): Copy | undefined {
    for (const copy of this.#line) {
      if (copy.isExpired) {
        // Its caller gives up by its own clock: there is nobody to tell.
        this.withdraw(copy);
        copy.ticket.finish(copy);
      } else if (copy.refusedBy?.has(consumer) !== true) {
        return copy;
      }
    }
    return undefined;
  }

  join(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.review();
  }

  leave(consumer: Consumer): void {
    this.#consumers.delete(consumer);
    this.review();
    this.checkIdle();
  }

  /** Who listens, or can be reached, has changed. */
  review(): void {
    this.#admit();
    for (const copy of this.#line) this.#watch(copy);
  }

  /** What is in the way of a message that waits here. */
  stateOf(copy: Copy): WaitState {
    // Events wait here beyond the bound, whoever listens: there is no room.
    if (this.stores) return "no-credit";
    let isAway = false;
    for (const consumer of this.#consumers) {
      if (copy.refusedBy?.has(consumer) === true) continue;
      if (consumer.isLive) return "no-credit";
      isAway = true;
    }
    return isAway ? "no-connection" : "no-listener";
  }

  /** Everything that waits here is lost with its only listener. */
  loseAll(peer: string): void {
    for (const copy of [...this.#line]) {
      this.#line.delete(copy);
      copy.ticket.lose(copy, peer);
    }
  }

  /** What its sender still answers for is lost to it; what was taken over stays. */
  loseHeld(peer: string): void {
    for (const copy of [...this.#line]) {
      if (copy.isAccepted) continue;
      this.#line.delete(copy);
      copy.ticket.lose(copy, peer);
    }
  }

  /** Two-choices: of two listeners with credit the one with less in hand, at random where they are equal (A2). */
  #choose(copy: Copy): Consumer | undefined {
    const free: Consumer[] = [];
    for (const consumer of this.#consumers) {
      if (consumer.hasRoom && copy.refusedBy?.has(consumer) !== true) free.push(consumer);
    }
    if (free.length < 2) return free[0];
    const first = Math.floor(this.#random() * free.length);
    const second = (first + 1 + Math.floor(this.#random() * (free.length - 1))) % free.length;
    const a = free[first];
    const b = free[second];
    return a !== undefined && b !== undefined && b.inHand < a.inHand ? b : a;
  }

  /** The bus takes over what waits, up to the bound, where somebody is there or it stores. */
  #admit(): void {
    if (!this.stores && ![...this.#consumers].some((consumer) => consumer.isLive)) return;
    this.#line.admit((copy) => copy.ticket.accept(copy));
  }

  /** A7: what waits for nobody waits for `discoveryMs`; a cast that was taken over, at least to its own deadline. */
  #watch(copy: Copy): void {
    if (this.stores) return;
    if (this.stateOf(copy) !== "no-listener") {
      copy.stopTimer();
      return;
    }
    if (copy.isTimed) return;
    const { ticket } = copy;
    const { discoveryMs } = ticket.port.options;
    const isOwed = copy.isAccepted && !ticket.isCall;
    copy.startTimer(() => this.#giveUp(copy), isOwed ? Math.max(discoveryMs, ticket.leftMs) : discoveryMs);
  }

  #giveUp(copy: Copy): void {
    if (!this.withdraw(copy)) return;
    const { ticket } = copy;
    if (copy.isAccepted && !ticket.isCall) {
      ticket.lose(copy, this.name);
    } else {
      ticket.finish(copy);
      ticket.refuse("no-listener", `nobody listens on ${this.name}; start a server there, or check the names`);
    }
  }

  /** Lets the directory forget it where nobody needs it. */
  checkIdle(): void {
    if (this.#consumers.size === 0 && this.#copies === 0) this.#onIdle(this);
  }
}
