import type { Destination, DownFrame, ListenerTerms, MessageFrame, UpFrame } from "../link/frames.js";
import { Link, type LinkEnd, type LinkParts } from "../link/link.js";
import { Turns } from "../link/turns.js";
import type { FakeOptions } from "../options.js";
import type { AddressQueue } from "./address-queue.js";
import { BusTimers } from "./bus-timers.js";
import { Consumer } from "./consumer.js";
import { Directory } from "./directory.js";
import { Faults } from "./faults.js";
import { Port } from "./port.js";
import { SentLog } from "./sent-log.js";
import { Copy, Ticket } from "./ticket.js";

/** What a link begins with; set by the controls for the whole bus. */
export interface Conditions {
  isCut: boolean;
  isFrozen: boolean;
  delayMs: number;
  jitterMs: number;
}

/** The bus that all transports of one name share: it takes messages over, finds their listeners, and keeps what waits. */
export class Bus {
  readonly name: string;
  readonly timers: BusTimers = new BusTimers();
  readonly faults: Faults = new Faults();
  readonly log: SentLog = new SentLog();
  readonly turns: Turns = new Turns();
  readonly conditions: Conditions = { isCut: false, isFrozen: false, delayMs: 0, jitterMs: 0 };
  readonly ports: Set<Port> = new Set();
  /** Somebody asked for its controls: it stays, and records what is sent. */
  isWatched = false;
  /** Wakes transports that wait to open until the bus is healed. */
  readonly onHealed: Set<() => void> = new Set();
  readonly #directory: Directory;
  readonly #onIdle: () => void;
  readonly #losses: Map<Port, Map<string, number>> = new Map();
  readonly #counters: Map<string, number> = new Map();
  #isTelling = false;
  #random: () => number = Math.random;
  #seq = 0;
  #peers = 0;

  constructor(name: string, onIdle: () => void) {
    this.name = name;
    this.#onIdle = onIdle;
    this.#directory = new Directory(() => this.#random());
  }

  get counters(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counters);
  }

  get waiting(): number {
    let waiting = 0;
    for (const queue of this.#directory) waiting += queue.waiting;
    return waiting;
  }

  get waitingBytes(): number {
    let bytes = 0;
    for (const queue of this.#directory) bytes += queue.waitingBytes;
    return bytes;
  }

  /** The default name of the next transport. */
  nextPeer(): string {
    this.#peers += 1;
    return `fake-${this.#peers}`;
  }

  /** A place at the end of every queue. */
  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  count(name: string, by = 1): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }

  /** Connects a transport. Its random numbers serve for the choices of the bus, too. */
  attach(
    parts: LinkParts,
    options: FakeOptions,
    transportEnd: LinkEnd<DownFrame, UpFrame>,
  ): { link: Link; port: Port } {
    const link = new Link(parts);
    const port = new Port(this, link, options);
    link.connect(port, transportEnd);
    link.setDelay(this.conditions.delayMs, this.conditions.jitterMs);
    if (this.conditions.isFrozen) link.apply("freeze");
    this.#random = parts.random;
    this.ports.add(port);
    this.timers.join(port);
    return { link, port };
  }

  /** The transport has left; the bus goes with the last one, unless something is stored in it or somebody watches it. */
  detach(port: Port): void {
    this.ports.delete(port);
    this.#losses.delete(port);
    this.timers.leave(port);
    this.release();
  }

  release(): void {
    if (this.ports.size > 0 || this.waiting > 0) return;
    this.#directory.clear();
    if (!this.isWatched) this.#onIdle();
  }

  /** Forgets all messages and pools, and who listened to them. Only while no transport is there. */
  empty(): void {
    if (this.ports.size === 0) this.#directory.clear();
  }

  /** A message has arrived from a transport. */
  accept(port: Port, frame: MessageFrame): void {
    this.count("messages");
    this.count("bytes", frame.body.length);
    const ticket = new Ticket(port, frame);
    const { queues, dead } = this.#destinations(frame);
    const full = queues.find((queue) => queue.isOverflowing(port.limits));
    port.open(ticket);
    if (full !== undefined) {
      ticket.refuse("overloaded", `${full.waiting} messages wait for ${full.name}; slow down, or add listeners`);
      return;
    }
    // All copies first: the first one's way through the bus must not look like the whole of it.
    const copies = queues.map((queue) => new Copy(ticket, queue, this.nextSeq()));
    ticket.expect(copies.length, dead);
    for (const copy of copies) copy.queue.offer(copy);
  }

  /** A listener begins. */
  listen(port: Port, terms: ListenerTerms): Consumer {
    const { what } = terms;
    const fanouts = what.kind === "rpc" ? this.#directory.fanouts(what.address.topic) : undefined;
    const consumer = new Consumer(port, terms, this.#directory.queuesOf(what), fanouts);
    consumer.join();
    return consumer;
  }

  /** An event goes back to its pool, at the end, as a new attempt (C4). */
  requeue(copy: Copy, port: Port, delayMs: number): void {
    this.count("requeued");
    copy.attempt += 1;
    copy.isRedelivered = true;
    copy.refusedBy = undefined;
    const offer = (): void => {
      copy.seq = this.nextSeq();
      copy.queue.offer(copy);
    };
    if (delayMs > 0) this.timers.set(port, offer, delayMs);
    else offer();
  }

  /**
   * Casts or events that had been taken over will not be handled: their sender is told, all of one turn at once, or when its
   * link is back (B12).
   */
  reportLost(port: Port, peer: string, count = 1): void {
    if (!this.ports.has(port)) return;
    if (!this.#isTelling) queueMicrotask(() => this.tellLosses());
    this.#isTelling = true;
    const losses = this.#losses.get(port) ?? new Map<string, number>();
    this.#losses.set(port, losses);
    losses.set(peer, (losses.get(peer) ?? 0) + count);
  }

  /** Those whose link is lost hear of it later. */
  tellLosses(): void {
    this.#isTelling = false;
    for (const [port, losses] of this.#losses) {
      if (!port.link.isOpen) continue;
      this.#losses.delete(port);
      for (const [peer, count] of losses) port.sendDown({ type: "casts-lost", count, peer });
    }
  }

  /** Where a message goes, and how many of those that it is for are known to be unreachable (fanouts). */
  #destinations(frame: MessageFrame): { queues: AddressQueue[]; dead: number } {
    switch (frame.kind) {
      case "call":
      case "cast":
        return { queues: [this.#directory.requests(frame.to)], dead: 0 };
      case "fanout":
        return this.#listenersOf(frame.to);
      case "event":
        return { queues: frame.priority === undefined ? [] : this.#directory.pools(frame.to, frame.priority), dead: 0 };
    }
  }

  #listenersOf(to: Destination): { queues: AddressQueue[]; dead: number } {
    const queues: AddressQueue[] = [];
    let dead = 0;
    const topic = this.#directory.requests({ realm: to.realm, exchange: to.exchange, topic: to.topic });
    for (const { isLive, fanouts } of topic.consumers) {
      if (isLive && fanouts !== undefined) queues.push(fanouts);
      else dead += 1;
    }
    topic.checkIdle();
    return { queues, dead };
  }
}
