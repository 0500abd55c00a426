import type { OutgoingSend } from "../routing/outgoing.js";

/** Swept out of the front when there are so many. */
const COMPACT_AT = 1_024;

/** Casts and events that were written to a link and are not accepted yet, in the order of their sequence. */
export class PendingSends {
  /** How many were accepted since the link began. */
  acceptedCount = 0;
  #sends: (OutgoingSend | undefined)[] = [];
  #head = 0;
  #taken = 0;

  get size(): number {
    return this.#sends.length - this.#head - this.#taken;
  }

  push(send: OutgoingSend): void {
    this.#sends.push(send);
  }

  /** The other side has all up to this sequence. */
  accept(through: number): void {
    const sends = this.#sends;
    let at = this.#head;
    while (at < sends.length) {
      const send = sends[at];
      if (send === undefined) this.#taken--;
      else {
        if (send.sequence > through) break;
        this.acceptedCount++;
        if (send.listener !== undefined) send.listener.inFlight--;
        send.accept();
      }
      sends[at] = undefined;
      at++;
    }
    this.#head = at;
    if (at === sends.length) {
      this.#sends = [];
      this.#head = 0;
    } else if (at >= COMPACT_AT && at * 2 >= sends.length) {
      this.#sends = sends.slice(at);
      this.#head = 0;
    }
  }

  /**
   * Takes the one of this sequence out, which has come back. It counts as accepted, since the other side counts it as handled.
   * Undefined where it was accepted before.
   */
  take(sequence: number): OutgoingSend | undefined {
    let low = this.#head;
    for (; low < this.#sends.length; low++) {
      const send = this.#sends[low];
      if (send === undefined) continue;
      if (send.sequence > sequence) return undefined;
      if (send.sequence === sequence) break;
    }
    const send = this.#sends[low];
    if (send === undefined) return undefined;
    this.#sends[low] = undefined;
    this.#taken++;
    this.acceptedCount++;
    if (send.listener !== undefined) send.listener.inFlight--;
    return send;
  }

  /** The one of this sequence, without taking it out. */
  find(sequence: number): OutgoingSend | undefined {
    for (let at = this.#head; at < this.#sends.length; at++) {
      if (this.#sends[at]?.sequence === sequence) return this.#sends[at];
    }
    return undefined;
  }

  /** Takes all out. */
  drain(): OutgoingSend[] {
    const all: OutgoingSend[] = [];
    for (const send of this.#sends.slice(this.#head)) {
      if (send === undefined) continue;
      if (send.listener !== undefined) send.listener.inFlight--;
      all.push(send);
    }
    this.#sends = [];
    this.#head = 0;
    this.#taken = 0;
    return all;
  }
}
