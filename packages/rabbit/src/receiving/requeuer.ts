import type { ArrivedEvent } from "./arrival.js";
import type { EventDelivery } from "./event-delivery.js";

/** How an event that a handler asks for again comes back to its pool (C4). */
export interface Requeuer {
  /** How often the event was handed to handlers, this time included. */
  attemptOf(arrived: ArrivedEvent): number;
  /** Resolves when it is on its way back, and settled here. Never rejects. */
  requeue(delivery: EventDelivery, delayMs: number): Promise<void>;
  /** The listener ends: what waits here for its delay goes at once. */
  hurry(): void;
}
