export interface PulseTimes {
  /** How often the other side is probed. */
  readonly heartbeatMs: number;
  /** How long a probe may go unanswered. */
  readonly heartbeatTimeoutMs: number;
}

/** What is due on a connection. `doubt`: nothing came for too long, of what was read until now. */
export type Beat = "nothing" | "ping" | "doubt";

/**
 * Whether the other side of a connection still lives, by counts of what was read and written, so that nothing but a beat asks for
 * the time.
 *
 * Time runs from the probe, and not from the last word: a process that hung for long itself has asked nothing meanwhile.
 */
export class Pulse {
  readonly #times: PulseTimes;
  readonly #canPing: boolean;
  /** Milliseconds that the other side wants to be taken for dead after; 0 where it did not say. */
  ttlMs = 0;
  #reads = 0;
  #writes = 0;
  #heardAt: number;
  #askedAt: number | undefined;
  #pingedAt: number;

  /** @param canPing false for a peer that knows no PING: it is never in doubt. */
  constructor(times: PulseTimes, canPing: boolean, now: number) {
    this.#times = times;
    this.#canPing = canPing;
    this.#heardAt = now;
    this.#pingedAt = now;
  }

  /** @param reads @param writes how often something was read and written until now. */
  beat(now: number, reads: number, writes: number): Beat {
    const wasHeard = reads !== this.#reads;
    const wasTold = writes !== this.#writes;
    this.#reads = reads;
    if (wasHeard) {
      this.#heardAt = now;
      this.#askedAt = undefined;
    }
    if (!this.#canPing) return "nothing";
    if (this.#isOverdue(now)) return "doubt";
    if (now - this.#pingedAt < this.#times.heartbeatMs) return "nothing";
    this.#pingedAt = now;
    this.#writes = writes;
    // Where both sides speak anyway, each knows that the other lives.
    if (wasHeard && wasTold) return "nothing";
    this.#askedAt ??= now;
    return "ping";
  }

  #isOverdue(now: number): boolean {
    if (this.ttlMs > 0 && now - this.#heardAt >= this.ttlMs) return true;
    return this.#askedAt !== undefined && now - this.#askedAt >= this.#times.heartbeatTimeoutMs;
  }
}
