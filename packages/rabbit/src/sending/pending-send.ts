import {
  ConnectionLostError,
  type MessagingError,
  OverloadedError,
  type Receipt,
  type SendHandle,
  UnreachableError,
  type WaitState,
} from "@trunkline/core/driver";
import type { Message } from "../wire/wire.js";
import type { Publication } from "./publication.js";
import type { Repeats } from "./repeats.js";
import type { SendBudget } from "./send-budget.js";
import type { SendChannel } from "./send-channel.js";

/** What a message without an answer is. */
export type SendKind = "cast" | "fanout" | "event";

export interface PendingSendParts {
  readonly kind: SendKind;
  readonly message: Message;
  readonly channel: () => SendChannel;
  readonly budget: SendBudget;
  readonly repeats: Repeats;
  resolve(receipt: Receipt): void;
  reject(error: MessagingError): void;
  warn(message: string): void;
}

const REMEDY = "Listen there, delete the queue, or raise maxEvents";

const TAKEN: Receipt = Object.freeze({ accepted: 1, lost: 0 });
/** A queue that moves or is just deleted refuses for a moment; one that is full goes on, and each offer is one more for all others. */
const EVENT_REPEATS = 4;

/** One of the queues that it went to was full. */
const TAKEN_IN_PART: Receipt = Object.freeze({ accepted: 1, lost: 1 });

/**
 * A cast, a fanout or an event, from `send` to the broker's word on it.
 *
 * What was written when the connection ended is in doubt. A cast must not run twice, so its sender is told (B12); a fanout and an
 * event go again under their own id, by which those who had them know them (B10).
 */
export class PendingSend implements Publication, SendHandle {
  readonly #parts: PendingSendParts;
  readonly #bytes: number;
  #isSettled = false;
  /** It was written, and the connection ended before the broker's word on it. */
  #isInDoubt = false;

  /** @throws OverloadedError where too much waits already. */
  constructor(parts: PendingSendParts) {
    this.#parts = parts;
    this.#bytes = parts.message.body.length;
    parts.budget.take(this.#bytes);
  }

  get route(): Message["route"] {
    return this.#parts.message.route;
  }

  get id(): string {
    return this.#parts.message.id;
  }

  get body(): Buffer {
    return this.#parts.message.body;
  }

  properties(): ReturnType<Message["properties"]> {
    return this.#parts.message.properties();
  }

  start(): void {
    this.#parts.channel().push(this);
  }

  confirmed(): void {
    if (this.#settle()) this.#parts.resolve(TAKEN);
  }

  returned(): void {
    this.failed(new UnreachableError(`nobody has ever listened on ${this.route.name}: rabbit has no queue for it`));
  }

  refused(): void {
    if (this.#isSettled) return;
    const { kind, repeats, warn } = this.#parts;
    const { name } = this.route;
    switch (kind) {
      case "cast":
        repeats.after(() => this.start());
        return;
      case "fanout":
        // The others have it, and whoever reads so late is as good as dead (A4).
        warn(`a fanout to ${name} did not reach all: the queue of a server that does not read is full`);
        if (this.#settle()) this.#parts.resolve(TAKEN_IN_PART);
        return;
      case "event":
        // Pools that have it know it by its id.
        if (repeats.count < EVENT_REPEATS) repeats.after(() => this.start());
        else this.failed(new OverloadedError(`a queue of ${name} is full; other pools may have the event. ${REMEDY}`));
        return;
    }
  }

  failed(error: MessagingError): void {
    if (!this.#settle()) return;
    const { kind, reject } = this.#parts;
    if (!this.#isInDoubt || (error instanceof ConnectionLostError && error.mayHaveRun)) reject(error);
    else {
      const words = `the connection was lost before rabbit had confirmed a ${kind} to ${this.route.name}, which may have it`;
      reject(new ConnectionLostError(`${words}; then: ${error.message}`, true, { cause: error }));
    }
  }

  doubtful(error: MessagingError): void {
    if (this.#isSettled) return;
    this.#isInDoubt = true;
    if (this.#parts.kind === "cast") {
      const words = `the connection was lost before rabbit had confirmed a cast to ${this.route.name}; it may run`;
      this.failed(new ConnectionLostError(words, true, { cause: error }));
    } else this.start();
  }

  cancel(toError: (wait: WaitState) => MessagingError): void {
    if (this.#isSettled) return;
    const error = toError(this.#withdraw());
    if (this.#settle()) this.#parts.reject(error);
  }

  /** What was in the way; nothing more is done with it. */
  #withdraw(): WaitState {
    const { channel, repeats } = this.#parts;
    if (repeats.isPausing) return this.#isInDoubt ? "sent" : "no-room";
    const sender = channel();
    const { obstacle } = sender;
    if (sender.remove(this)) return this.#isInDoubt ? "sent" : obstacle;
    sender.forget(this);
    return "sent";
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#parts.repeats.cancel();
    this.#parts.budget.release(this.#bytes);
    return true;
  }
}
