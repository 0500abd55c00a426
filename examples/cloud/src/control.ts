import type { Account, Ledger } from "./ledger.js";

/** How long a role waits for what is said to be on its way. */
const LATEST_MS = 30_000;

/** How many fanouts and events a role must have got before its book is closed. */
export interface Expected {
  readonly fanouts: number;
  readonly events: number;
}

/** What every role answers to the conductor. */
export class Control {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async account(expected: Expected): Promise<Account> {
    await Promise.all([
      this.#ledger.untilReceived("fanout", expected.fanouts, LATEST_MS),
      this.#ledger.untilReceived("event", expected.events, LATEST_MS),
    ]);
    return this.#ledger.close();
  }
}
