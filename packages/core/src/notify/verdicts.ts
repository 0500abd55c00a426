import { requireCapability } from "../refusal.js";
import type { Delivery, Verdict } from "../seam.js";
import type { ListenerSettings } from "./listener-options.js";
import type { NotificationEvent } from "./notification.js";
import { commonType, type Wish } from "./notification-dispatcher.js";
import type { NotifyHost } from "./ports.js";

/** A delivery whose event could be read. */
export interface Taken {
  readonly delivery: Delivery;
  readonly event: NotificationEvent;
}

/** From what the endpoints wish to what the driver is told: `done`, `requeue` within its bounds, or `reject` (C4). */
export class Verdicts {
  readonly #host: Pick<NotifyHost, "capabilities" | "driverName" | "reportFailure" | "warn">;
  readonly #settings: Pick<ListenerSettings, "onError" | "maxAttempts" | "requeueDelayMs">;

  constructor(
    host: Pick<NotifyHost, "capabilities" | "driverName" | "reportFailure" | "warn">,
    settings: Pick<ListenerSettings, "onError" | "maxAttempts" | "requeueDelayMs">,
  ) {
    this.#host = host;
    this.#settings = settings;
  }

  /** For deliveries that were handled together. */
  conclude(taken: readonly Taken[], wish: Wish): void {
    const { onError } = this.#settings;
    if (wish === "done") for (const { delivery } of taken) this.give(delivery, "done");
    else if (wish === "failed" && onError === "reject") for (const { delivery } of taken) this.give(delivery, "reject");
    else if (this.#mayRequeue(taken)) for (const one of taken) this.#requeue(one);
    else for (const { delivery } of taken) this.give(delivery, "reject");
  }

  /** Asked for by a handler, where nothing said beforehand that it might be. */
  #mayRequeue(taken: readonly Taken[]): boolean {
    try {
      requireCapability(this.#host.capabilities, this.#host.driverName, "requeue", "REQUEUE");
      return true;
    } catch (error) {
      const eventType = commonType(taken.map(({ event }) => event));
      const topic = taken[0]?.delivery.to.topic ?? "";
      this.#host.reportFailure({ error, topic, ...(eventType === undefined ? {} : { eventType }) });
      return false;
    }
  }

  #requeue({ delivery, event }: Taken): void {
    const { maxAttempts, requeueDelayMs } = this.#settings;
    if (delivery.attempt < maxAttempts) {
      this.give(delivery, "requeue", requeueDelayMs);
      return;
    }
    const error = new Error(
      `event ${event.eventType} (${event.messageId}) was handled ${delivery.attempt} times without success and is rejected`,
    );
    this.#host.reportFailure({ error, topic: delivery.to.topic, eventType: event.eventType });
    this.give(delivery, "reject");
  }

  /** Never throws: a verdict that cannot be given is told as a warning. */
  give(delivery: Delivery, verdict: Verdict, delayMs?: number): void {
    try {
      delivery.settle(verdict, undefined, delayMs === undefined ? undefined : { delayMs });
    } catch (error) {
      this.#host.warn({
        message: `the verdict "${verdict}" on an event of topic "${delivery.to.topic}" could not be given`,
        error,
      });
    }
  }
}
