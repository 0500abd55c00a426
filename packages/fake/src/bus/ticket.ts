import type { Timer } from "@trunkline/core/driver";
import type { MessageFrame } from "../link/frames.js";
import type { AddressQueue } from "./address-queue.js";
import type { Consumer } from "./consumer.js";
import type { Port } from "./port.js";
import type { LineItem, LineLimits } from "./waiting-line.js";

/** One message as the bus took it from its sender: what is owed to the sender, whatever the number of its receivers. */
export class Ticket {
  readonly port: Port;
  readonly frame: MessageFrame;
  /** The sender's deadline, on the sender's clock. */
  readonly until: number;
  /** What of it is still on the bus: one copy for a request, one for each listener or pool otherwise. */
  readonly copies: Set<Copy> = new Set();
  #unanswered = 0;
  #accepted = 0;
  #lost = 0;
  /** The sender has its answer, or asks for none any more. */
  isClosed = false;

  constructor(port: Port, frame: MessageFrame) {
    this.port = port;
    this.frame = frame;
    this.until = port.clock.now() + frame.remainingMs;
  }

  get isCall(): boolean {
    return this.frame.kind === "call";
  }

  get leftMs(): number {
    return this.until - this.port.clock.now();
  }

  /** A cast, fanout or event goes to this many, of which so many are known to be dead already. */
  expect(copies: number, dead: number): void {
    this.#unanswered = copies;
    this.#lost = dead;
    this.#answerSend();
  }

  /** A listener has the call. */
  dispatched(peer: string): void {
    if (this.isCall && !this.isClosed) this.port.sendDown({ type: "dispatched", n: this.frame.n, peer });
  }

  /** The bus, or a listener, has taken this copy over (B2). */
  accept(copy: Copy): void {
    if (copy.isAccepted) return;
    copy.isAccepted = true;
    if (this.isCall) return;
    this.#unanswered -= 1;
    this.#accepted += 1;
    this.#answerSend();
  }

  /** This copy of a cast, fanout or event will be handled by nobody. */
  lose(copy: Copy, peer: string): void {
    this.finish(copy);
    if (copy.isAccepted) {
      this.port.bus.count("castsLost");
      this.port.bus.reportLost(this.port, peer);
    } else {
      this.#unanswered -= 1;
      this.#lost += 1;
      this.#answerSend();
    }
  }

  /** Nothing of it ran, and nothing will. */
  refuse(why: "no-listener" | "overloaded", text: string): void {
    if (!this.isClosed) this.port.sendDown({ type: "refused", n: this.frame.n, why, text });
    this.withdraw();
  }

  reply(outcome: Buffer, peer: string): void {
    // Also to one that no longer asks: it counts what comes late (B9).
    this.port.sendReply(this, outcome, peer);
    this.close();
  }

  /** The call's server is gone, or dropped it. */
  loseCall(text: string, mayHaveRun: boolean): void {
    if (!this.isClosed) this.port.sendDown({ type: "lost", n: this.frame.n, text, mayHaveRun });
    this.close();
  }

  /** The copy has left the bus. */
  finish(copy: Copy): void {
    copy.stopTimer();
    if (this.copies.delete(copy)) copy.queue.exit();
  }

  /** Takes back what the bus has not taken over, of a call what nobody holds, and closes. */
  withdraw(): void {
    for (const copy of [...this.copies]) {
      const isOurs = this.isCall ? copy.holder === undefined : !copy.isAccepted;
      if (isOurs && copy.queue.withdraw(copy)) this.finish(copy);
    }
    this.close();
  }

  close(): void {
    this.isClosed = true;
    this.port.forget(this);
  }

  #answerSend(): void {
    if (this.#unanswered > 0 || this.isClosed || this.isCall) return;
    this.port.sendDown({ type: "accepted", n: this.frame.n, accepted: this.#accepted, lost: this.#lost });
    this.close();
  }
}

/** A ticket's passage through one queue. */
export class Copy implements LineItem {
  readonly ticket: Ticket;
  readonly queue: AddressQueue;
  /** Its place in the queue; a requeue takes it to the end. */
  seq: number;
  attempt = 1;
  isRedelivered = false;
  isAccepted = false;
  /** Who has it in hand. */
  holder: Consumer | undefined;
  /** The holder's link's number for it. */
  delivery = 0;
  /** Who handed it back, and is not to get it again. */
  refusedBy: Set<Consumer> | undefined;
  #timer: Timer | undefined;

  constructor(ticket: Ticket, queue: AddressQueue, seq: number) {
    this.ticket = ticket;
    this.queue = queue;
    this.seq = seq;
    ticket.copies.add(this);
    queue.enter();
  }

  get bytes(): number {
    return this.ticket.frame.body.length;
  }

  get limits(): LineLimits {
    return this.ticket.port.limits;
  }

  get isExpired(): boolean {
    return this.ticket.isCall && this.ticket.leftMs <= 0;
  }

  get isTimed(): boolean {
    return this.#timer !== undefined;
  }

  startTimer(fn: () => void, delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.ticket.port.bus.timers.set(
      this.ticket.port,
      () => {
        this.#timer = undefined;
        fn();
      },
      delayMs,
    );
  }

  stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
