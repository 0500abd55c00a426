import { type Clock, type ConnectionLostError, DuplicateWindow, type WaitState } from "@trunkline/core/driver";
import type { DownFrame, ListenerTerms, MessageFrame, UpFrame } from "../link/frames.js";
import type { Link, LinkEnd } from "../link/link.js";
import { DUPLICATE_WINDOW, type FakeOptions } from "../options.js";
import type { Bus } from "./bus.js";
import type { Consumer } from "./consumer.js";
import { FaultGate, factsOf } from "./fault-gate.js";
import { InHand } from "./in-hand.js";
import type { MessageFacts } from "./sent-log.js";
import type { Copy, Ticket } from "./ticket.js";
import type { LineLimits } from "./waiting-line.js";

type SettleFrame = Extract<UpFrame, { type: "settle" }>;

/** The bus's end of one transport's link: what the transport sent, what it listens to, and what it has in hand. */
export class Port implements LinkEnd<UpFrame, DownFrame> {
  readonly bus: Bus;
  readonly link: Link;
  readonly options: FakeOptions;
  readonly limits: LineLimits;
  readonly #consumers: Map<number, Consumer> = new Map();
  /** What this transport waits for an answer to, by its own number. */
  readonly #tickets: Map<number, Ticket> = new Map();
  readonly #inHand: InHand;
  readonly #seen: DuplicateWindow;
  readonly #gate: FaultGate;
  /** The last delivery that arrived, where the transport took its leave; else nobody knows. */
  #lastDelivery: number | undefined;

  constructor(bus: Bus, link: Link, options: FakeOptions) {
    this.bus = bus;
    this.link = link;
    this.options = options;
    this.limits = { messages: options.queueMessages, bytes: options.queueMiB * 1024 * 1024 };
    this.#inHand = new InHand(bus, link.peer);
    this.#gate = new FaultGate(bus, link);
    this.#seen = new DuplicateWindow({ ...DUPLICATE_WINDOW, clock: link.clock });
  }

  get peer(): string {
    return this.link.peer;
  }

  get clock(): Clock {
    return this.link.clock;
  }

  received(frame: UpFrame): void {
    switch (frame.type) {
      case "message":
        this.#gate.pass(factsOf(frame, this.peer), () => this.#message(frame));
        return;
      case "cancel": {
        const ticket = this.#tickets.get(frame.n);
        if (ticket !== undefined) this.#abandon(ticket, frame.reason);
        return;
      }
      case "listen":
        this.#listen(frame.terms);
        return;
      case "credit":
        this.#consumers.get(frame.listener)?.setCredit(frame.credit);
        return;
      case "stop":
        this.#leave(frame.listener);
        this.sendDown({ type: "stopped", listener: frame.listener });
        return;
      case "close-listener":
        this.#leave(frame.listener);
        this.#inHand.bury(({ terms }) => terms.listener === frame.listener, this.#leftText);
        return;
      case "beat": {
        const ticket = this.#inHand.get(frame.delivery)?.copy.ticket;
        if (ticket?.isClosed === false) ticket.port.sendDown({ type: "beaten", n: ticket.frame.n });
        return;
      }
      case "settle":
        this.#settle(frame);
        return;
      case "resume":
        this.#resume(frame.listeners, frame.lastDelivery);
        return;
      case "bye":
        this.#lastDelivery = frame.lastDelivery;
        return;
    }
  }

  lost(error: ConnectionLostError, unarrived: readonly DownFrame[]): void {
    this.#gate.dropLate();
    for (const frame of unarrived) if (frame.type === "casts-lost") this.bus.reportLost(this, frame.peer, frame.count);
    for (const ticket of [...this.#tickets.values()]) this.#abandon(ticket, "the caller's connection was lost");
    for (const consumer of this.#consumers.values()) consumer.goAway();
    this.#inHand.sessionLost(error.message);
  }

  /** The transport speaks first: see `resume`. */
  restored(): void {}

  /** The transport has closed. */
  gone(): void {
    this.#gate.dropLate();
    for (const ticket of [...this.#tickets.values()]) this.#abandon(ticket, "the caller has closed");
    for (const listener of [...this.#consumers.keys()]) this.#leave(listener);
    this.#inHand.giveBackAfter(this.#lastDelivery ?? Number.POSITIVE_INFINITY);
    this.#inHand.bury(() => true, this.#leftText);
    this.bus.detach(this);
  }

  sendDown(frame: DownFrame): void {
    this.link.sendDown(frame);
  }

  sendReply(ticket: Ticket, outcome: Buffer, peer: string): void {
    const facts: MessageFacts = { ...factsOf(ticket.frame, peer), kind: "reply", bytes: outcome.length };
    if (this.bus.isWatched) this.bus.log.add(facts, this.clock.now(), outcome);
    this.#gate.pass(facts, () => this.sendDown({ type: "reply", n: ticket.frame.n, peer, outcome }));
  }

  /** The transport puts a message on its link. */
  recordSent(frame: MessageFrame): void {
    if (this.bus.isWatched) this.bus.log.add(factsOf(frame, this.peer), this.clock.now(), frame.body);
  }

  open(ticket: Ticket): void {
    this.#tickets.set(ticket.frame.n, ticket);
  }

  forget(ticket: Ticket): void {
    if (this.#tickets.get(ticket.frame.n) === ticket) this.#tickets.delete(ticket.frame.n);
  }

  /**
   * The sender gives a message up: takes it back where it waits, and says what was in the way. `sent`: nobody can take it
   * back any more. This is asked at the queue itself and not by a frame, so that the answer is exact: what was reported as
   * certainly not run can never run.
   */
  retract(n: number): WaitState {
    const ticket = this.#tickets.get(n);
    const copies = ticket === undefined ? [] : [...ticket.copies];
    const [first] = copies;
    if (ticket === undefined || first === undefined) return "sent";
    if (copies.some((copy) => copy.holder !== undefined || (copy.isAccepted && !ticket.isCall))) return "sent";
    const state = first.queue.stateOf(first);
    ticket.withdraw();
    return state;
  }

  deliver(consumer: Consumer, copy: Copy): void {
    const { ticket } = copy;
    const { frame } = ticket;
    const delivery = this.#inHand.add(consumer, copy);
    this.bus.count("deliveries");
    this.sendDown({
      type: "deliver",
      listener: consumer.terms.listener,
      delivery,
      kind: frame.kind,
      to: frame.to,
      peer: ticket.port.peer,
      id: frame.id,
      attempt: copy.attempt,
      redelivered: copy.isRedelivered,
      ...(ticket.isCall ? { remainingMs: ticket.leftMs } : {}),
      ...(frame.monitorMs === undefined ? {} : { monitorMs: frame.monitorMs }),
      body: frame.body,
    });
  }

  #message(frame: MessageFrame): void {
    // RPC is at most once over the whole bus (B12); an event that comes twice is for its listener's window to notice (B10).
    if (frame.kind !== "event" && !this.#seen.isNew(String(frame.n))) {
      this.bus.count("duplicates");
      this.sendDown({ type: "duplicate" });
      return;
    }
    this.bus.accept(this, frame);
  }

  #listen(terms: ListenerTerms): void {
    this.#consumers.set(terms.listener, this.bus.listen(this, terms));
    this.sendDown({ type: "listening", listener: terms.listener });
  }

  #leave(listener: number): void {
    this.#consumers.get(listener)?.leave();
    this.#consumers.delete(listener);
  }

  #resume(listeners: readonly ListenerTerms[], lastDelivery: number): void {
    const known = new Set(listeners.map((terms) => terms.listener));
    for (const listener of [...this.#consumers.keys()]) if (!known.has(listener)) this.#leave(listener);
    this.bus.tellLosses();
    // What was on its way when the link was lost never arrived: it is given out again, to these or to others.
    this.#inHand.giveBackAfter(lastDelivery);
    for (const terms of listeners) {
      const consumer = this.#consumers.get(terms.listener);
      if (consumer === undefined) {
        this.#listen(terms);
      } else {
        consumer.comeBack(terms.credit);
        this.sendDown({ type: "listening", listener: terms.listener });
      }
    }
  }

  #settle(frame: SettleFrame): void {
    const held = this.#inHand.take(frame.delivery);
    if (held === undefined) return;
    const { consumer, copy } = held;
    const { ticket } = copy;
    switch (frame.verdict) {
      case "requeue":
        // Behind what waits, also where this listener is the one to take it.
        consumer.fill();
        this.bus.requeue(copy, this, frame.delayMs ?? 0);
        break;
      case "hand-back":
        this.bus.count("handedBack");
        copy.refusedBy ??= new Set();
        copy.refusedBy.add(consumer);
        this.#inHand.giveBack(copy);
        break;
      case "reject":
        this.bus.count("rejected");
        ticket.finish(copy);
        if (ticket.isCall) ticket.loseCall(`${this.peer} dropped the request`, frame.mayHaveRun);
        break;
      case "done":
        ticket.finish(copy);
        if (ticket.isCall && frame.outcome !== undefined) ticket.reply(frame.outcome, this.peer);
        break;
    }
    consumer.fill();
  }

  get #leftText(): string {
    return `${this.peer} left before it answered`;
  }

  #abandon(ticket: Ticket, reason: string): void {
    for (const copy of ticket.copies) {
      const holder = ticket.isCall ? copy.holder : undefined;
      holder?.port.sendDown({ type: "cancelled", delivery: copy.delivery, reason });
    }
    ticket.withdraw();
  }
}
