import type { Event, Outcome, Priority, Request } from "@trunkline/core/driver";
import { decodeMessage, decodeOutcome } from "../link/codec.js";
import type { MessageKind } from "../link/frames.js";

/** What a fault or a test can tell a message by. */
export interface MessageFacts {
  /** `reply`: the answer to a call, on its way to the caller. */
  readonly kind: MessageKind | "reply";
  /** Who put it on a link; of a reply, the server's transport. */
  readonly peer: string;
  readonly realm: string;
  readonly exchange: string;
  readonly topic: string;
  readonly server: string | undefined;
  /** Of requests and replies. */
  readonly method: string | undefined;
  /** Of events. */
  readonly eventType: string | undefined;
  readonly priority: Priority | undefined;
  /** The message's own id; a reply has that of its call. */
  readonly id: string;
  /** Encoded. */
  readonly bytes: number;
}

/** One message that was put on a link of the bus, whatever became of it there. */
export interface SentMessage extends MessageFacts {
  /** When, on the sender's clock's `now()`. */
  readonly at: number;
  /** The message, or the outcome that a reply carries: decoded from the bytes each time it is read. */
  readonly message: Request | Event | Outcome;
}

/** How much the record of what was sent keeps; the oldest is forgotten first. */
export const SENT_LOG_MESSAGES = 10_000;
export const SENT_LOG_BYTES: number = 64 * 1024 * 1024;

export class SentLog {
  #messages: SentMessage[] = [];
  #bytes = 0;

  get messages(): readonly SentMessage[] {
    return [...this.#messages];
  }

  add(facts: MessageFacts, at: number, body: Buffer): void {
    const isReply = facts.kind === "reply";
    this.#messages.push({
      ...facts,
      at,
      get message(): Request | Event | Outcome {
        return isReply ? decodeOutcome(body) : decodeMessage(body);
      },
    });
    this.#bytes += facts.bytes;
    let excess = 0;
    while (
      this.#messages.length - excess > SENT_LOG_MESSAGES ||
      (this.#bytes > SENT_LOG_BYTES && excess < this.#messages.length)
    ) {
      this.#bytes -= this.#messages[excess]?.bytes ?? 0;
      excess += 1;
    }
    if (excess > 0) this.#messages.splice(0, excess);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
