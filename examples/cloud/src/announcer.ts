import type { Notifier, Transport } from "@trunkline/core";
import type { Ledger } from "./ledger.js";
import type { Settings } from "./settings.js";
import type { CloudRequest } from "./trace.js";

/** What telemetry finds in every event. */
export interface StepPayload {
  readonly key: string;
  readonly request: string;
  readonly [more: string]: string | number;
}

/** Tells the world of each step of a request. */
export class Announcer {
  readonly #notifier: Notifier;
  readonly #ledger: Ledger;
  readonly #who: string;

  /** @param who goes into the keys: a role whose members are interchangeable gives the same name for each. */
  constructor(
    transport: Transport,
    publisherId: string,
    { topics }: Settings,
    ledger: Ledger,
    who: string = publisherId,
  ) {
    this.#notifier = transport.notifier({ publisherId, topics: [topics.notifications] });
    this.#ledger = ledger;
    this.#who = who;
  }

  async tell(
    priority: "audit" | "info" | "error",
    eventType: string,
    { id, instance, tenant }: CloudRequest,
    more: Readonly<Record<string, string | number>> = {},
  ): Promise<void> {
    const key = `${this.#who} ${eventType} ${id}`;
    const payload: StepPayload = { ...more, key, request: id, instance, tenant };
    await this.#ledger.send("event", key, () => this.#notifier.emit(priority, eventType, payload));
  }
}
