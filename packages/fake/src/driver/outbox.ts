import {
  type CancelReason,
  type Clock,
  ClosedError,
  ConnectionLostError,
  type MessagingError,
  type Outcome,
  OverloadedError,
  type Receipt,
  type ReplySink,
  type WaitState,
} from "@trunkline/core/driver";
import type { Port } from "../bus/port.js";
import type { Link } from "../link/link.js";
import { frameOf, type Letter } from "./letter.js";

/** What the transport owes its application for one letter: an answer, once. */
export interface Pending {
  readonly letter: Letter;
  fail(error: MessagingError, mayHaveRun: boolean): void;
}

/** A call. */
export class PendingCall implements Pending {
  readonly letter: Letter;
  readonly #sink: ReplySink;

  constructor(letter: Letter, sink: ReplySink) {
    this.letter = letter;
    this.#sink = sink;
  }

  accepted(peer: string): void {
    this.#sink.accepted(peer);
  }

  beat(): void {
    this.#sink.beat();
  }

  end(outcome: Outcome): void {
    this.#sink.end(outcome);
  }

  fail(error: MessagingError, mayHaveRun: boolean): void {
    this.#sink.lost(error, mayHaveRun);
  }
}

/** A cast, a fanout or an event. */
export class PendingSend implements Pending {
  readonly letter: Letter;
  readonly #resolve: (receipt: Receipt) => void;
  readonly #reject: (error: MessagingError) => void;

  constructor(letter: Letter, resolve: (receipt: Receipt) => void, reject: (error: MessagingError) => void) {
    this.letter = letter;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  accepted(receipt: Receipt): void {
    this.#resolve(receipt);
  }

  fail(error: MessagingError): void {
    this.#reject(error);
  }
}

/** Everything of this transport's that has no answer yet; while the link is lost, also what could not be sent (A7). */
export class Outbox {
  readonly #link: Link;
  readonly #port: Port;
  readonly #clock: Clock;
  /** On the link. */
  readonly #written: Map<number, Pending> = new Map();
  /** Waiting for the link, in order. */
  readonly #unsent: Map<number, Pending> = new Map();
  #unsentBytes = 0;

  constructor(link: Link, port: Port, clock: Clock) {
    this.#link = link;
    this.#port = port;
    this.#clock = clock;
  }

  get written(): number {
    return this.#written.size;
  }

  get unsent(): number {
    return this.#unsent.size;
  }

  /** @throws OverloadedError where too much waits for the link already (B13). */
  post(pending: Pending): void {
    const { letter } = pending;
    if (this.#link.isOpen) {
      this.#write(pending);
      return;
    }
    const { messages, bytes } = this.#port.limits;
    if (this.#unsent.size >= 2 * messages || this.#unsentBytes >= 2 * bytes) {
      throw new OverloadedError(
        `${this.#unsent.size} messages wait for the lost link of ${JSON.stringify(this.#link.peer)}`,
      );
    }
    this.#unsent.set(letter.n, pending);
    this.#unsentBytes += letter.body.length;
  }

  call(n: number): PendingCall | undefined {
    const pending = this.#written.get(n);
    return pending instanceof PendingCall ? pending : undefined;
  }

  /** The answer is here: undefined where nobody waits for it any more. */
  take(n: number): Pending | undefined {
    const pending = this.#written.get(n);
    this.#written.delete(n);
    return pending;
  }

  /** The application gives up; what it gave up on hears no more. */
  cancel(n: number, reason: CancelReason): WaitState {
    const unsent = this.#unsent.get(n);
    if (unsent !== undefined) {
      this.#unsent.delete(n);
      this.#unsentBytes -= unsent.letter.body.length;
      return "no-connection";
    }
    if (!this.#written.delete(n)) return "sent";
    const state = this.#port.retract(n);
    if (state === "sent") this.#link.sendUp({ type: "cancel", n, reason });
    return state;
  }

  /** The session is over: nobody knows what became of what was on the link (B12). What was not, waits. */
  lost(error: ConnectionLostError): void {
    const written = [...this.#written.values()];
    this.#written.clear();
    for (const pending of written) {
      const { letter } = pending;
      const what = `${letter.label} was sent, and then ${error.message}; it may have run`;
      pending.fail(new ConnectionLostError(what, true, { cause: error }), true);
    }
  }

  /** A new session: what waited goes first, in its order (B11). */
  restored(): void {
    for (const [n, pending] of [...this.#unsent]) {
      if (!this.#link.isOpen) return;
      this.#unsent.delete(n);
      this.#unsentBytes -= pending.letter.body.length;
      this.#write(pending);
    }
  }

  close(): void {
    const unsent = [...this.#unsent.values()];
    const written = [...this.#written.values()];
    this.#unsent.clear();
    this.#written.clear();
    for (const pending of unsent) pending.fail(closed(pending.letter, false), false);
    for (const pending of written) {
      const mayHaveRun = this.#port.retract(pending.letter.n) === "sent";
      pending.fail(closed(pending.letter, mayHaveRun), mayHaveRun);
    }
  }

  #write(pending: Pending): void {
    const { letter } = pending;
    const frame = frameOf(letter, this.#clock.now());
    this.#written.set(letter.n, pending);
    this.#port.recordSent(frame);
    this.#link.sendUp(frame);
  }
}

function closed(letter: Letter, mayHaveRun: boolean): ClosedError {
  return new ClosedError(
    `the transport was closed while ${letter.label} waited${mayHaveRun ? "; it may have run" : ""}`,
  );
}
