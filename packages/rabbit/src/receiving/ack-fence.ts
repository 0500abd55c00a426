import type { AckToken } from "./ack-token.js";

/** What becomes of one acknowledgement. */
export interface Acknowledged {
  /** The broker has heard it: the message comes to nobody else. */
  heard(): void;
  /** The channel ended first: the broker may have heard it, or gives the message to another. */
  doubtful(): void;
}

/**
 * Acknowledges, and tells when the broker has heard so. What is acknowledged while one answer is awaited is told with the next: one
 * round trip for many.
 */
export class AckFence {
  readonly token: AckToken;
  readonly #prefetch: number;
  #waiting: Acknowledged[] = [];
  #isAsking = false;
  #onIdle: (() => void)[] = [];

  /** @param prefetch that of the consumers of the token's channel */
  constructor(token: AckToken, prefetch: number) {
    this.token = token;
    this.#prefetch = prefetch;
  }

  acknowledge(tag: number, message: Acknowledged): void {
    this.token.ack(tag);
    this.#waiting.push(message);
    if (this.#isAsking) return;
    this.#isAsking = true;
    // What was read from the socket together is told together.
    queueMicrotask(() => void this.#ask());
  }

  /** Resolves when nothing is waited for. */
  idle(): Promise<void> {
    if (!this.#isAsking) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  async #ask(): Promise<void> {
    while (this.#waiting.length > 0) {
      const asked = this.#waiting;
      this.#waiting = [];
      const isHeard = await this.token.heard(this.#prefetch).then(
        () => true,
        () => false,
      );
      for (const message of asked) {
        if (isHeard) message.heard();
        else message.doubtful();
      }
    }
    this.#isAsking = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
