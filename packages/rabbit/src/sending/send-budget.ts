import { OverloadedError } from "@trunkline/core/driver";

/** How much may be with the senders of one transport at a time: waiting, or written and not confirmed. */
export interface SendBounds {
  readonly messages: number;
  readonly bytes: number;
}

/** Counts what is with the senders (B13): nothing waits without bound. */
export class SendBudget {
  readonly #bounds: SendBounds;
  #messages = 0;
  #bytes = 0;

  constructor(bounds: SendBounds) {
    this.#bounds = bounds;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws OverloadedError where there is no room; one message alone always has. */
  take(bytes: number): void {
    const { messages: most, bytes: mostBytes } = this.#bounds;
    if (this.#messages >= most || (this.#messages > 0 && this.#bytes + bytes > mostBytes)) {
      throw new OverloadedError(
        `${this.#messages} messages (${this.#bytes} bytes) wait to be taken by rabbit, as many as may; send slower, or raise queueMessages and queueMiB`,
      );
    }
    this.#messages += 1;
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#messages -= 1;
    this.#bytes -= bytes;
  }
}
