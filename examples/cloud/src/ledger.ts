export const MESSAGE_KINDS = ["call", "cast", "fanout", "event"] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** What one role knows of its messages; it travels to the conductor as the result of a call. */
export interface Account {
  readonly role: string;
  readonly sent: Readonly<Record<MessageKind, readonly string[]>>;
  readonly received: Readonly<Record<MessageKind, readonly string[]>>;
  /** Of each message that was sent: a call's until its result, else until it was accepted. */
  readonly latenciesMs: Readonly<Record<MessageKind, readonly number[]>>;
  /** What should not have happened. */
  readonly problems: readonly string[];
}

/**
 * A role's own book. Each message has a key that is the same on every backend and in every run (who, to whom, what, for which
 * request), so that books can be compared entry by entry.
 */
export class Ledger {
  readonly #role: string;
  readonly #sent: Record<MessageKind, string[]> = perKind(() => []);
  readonly #received: Record<MessageKind, string[]> = perKind(() => []);
  readonly #latenciesMs: Record<MessageKind, number[]> = perKind(() => []);
  readonly #problems: string[] = [];
  readonly #pending: Set<Promise<unknown>> = new Set();
  readonly #waiting: Set<() => void> = new Set();

  constructor(role: string) {
    this.#role = role;
  }

  /** Enters a message, sends it, and takes the time. */
  async send<Result>(kind: MessageKind, key: string, action: () => Promise<Result>): Promise<Result> {
    this.#sent[kind].push(key);
    const beganAt = performance.now();
    const sending = action();
    this.#pending.add(sending);
    try {
      return await sending;
    } finally {
      this.#latenciesMs[kind].push(performance.now() - beganAt);
      this.#pending.delete(sending);
    }
  }

  received(kind: MessageKind, key: string): void {
    this.#received[kind].push(key);
    for (const look of [...this.#waiting]) look();
  }

  problem(text: string): void {
    this.#problems.push(`${this.#role}: ${text}`);
  }

  /** Resolves when so many of a kind have been received; notes a problem where that does not happen in time. */
  async untilReceived(kind: MessageKind, count: number, timeoutMs: number): Promise<void> {
    const isIn = (): boolean => this.#received[kind].length >= count;
    if (isIn()) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isIn()) finish();
      };
      const timer = setTimeout(() => {
        this.problem(`${this.#received[kind].length} of ${count} messages of kind ${kind} came within ${timeoutMs} ms`);
        finish();
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }

  /** What has been entered, once nothing that was sent is still on its way. */
  async close(): Promise<Account> {
    await Promise.allSettled(this.#pending);
    return {
      role: this.#role,
      sent: this.#sent,
      received: this.#received,
      latenciesMs: this.#latenciesMs,
      problems: this.#problems,
    };
  }
}

/** An entry for each kind of message. */
export function perKind<Entry>(make: (kind: MessageKind) => Entry): Record<MessageKind, Entry> {
  return { call: make("call"), cast: make("cast"), fanout: make("fanout"), event: make("event") };
}
