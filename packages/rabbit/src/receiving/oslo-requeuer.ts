import type { Timer } from "@trunkline/core/driver";
import type { ArrivedEvent } from "./arrival.js";
import type { AttemptBook } from "./attempt-book.js";
import type { EventDelivery } from "./event-delivery.js";
import type { ListenerHost } from "./listener-host.js";
import type { Requeuer } from "./requeuer.js";

/**
 * Requeue of `rabbit+oslo://`: the event goes back to where it was in its queue, as by its peers. The wire has no place for the
 * attempt, so that each process counts for itself; the delay is waited out here, with the event unacknowledged.
 */
export class OsloRequeuer implements Requeuer {
  readonly #host: ListenerHost;
  readonly #attempts: AttemptBook;
  readonly #delayed: Set<() => void> = new Set();

  constructor(host: ListenerHost, attempts: AttemptBook) {
    this.#host = host;
    this.#attempts = attempts;
  }

  attemptOf({ id }: ArrivedEvent): number {
    return this.#attempts.next(id);
  }

  requeue(delivery: EventDelivery, delayMs: number): Promise<void> {
    this.#attempts.note(delivery.arrived.id, delivery.attempt);
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const giveBack = (): void => {
        timer?.cancel();
        this.#delayed.delete(giveBack);
        delivery.giveBack();
        resolve();
      };
      if (delayMs < 1) {
        giveBack();
        return;
      }
      this.#delayed.add(giveBack);
      timer = this.#host.clock.setTimer(giveBack, delayMs);
    });
  }

  hurry(): void {
    for (const giveBack of [...this.#delayed]) giveBack();
  }
}
