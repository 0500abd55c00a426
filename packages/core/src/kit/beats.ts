import type { Clock, Timer } from "../host.js";
import type { Delivery } from "../seam.js";

/** Call monitoring at the server (B8): beats for each monitored request, from its arrival until it is settled. */
export class Beats {
  readonly #clock: Clock;
  readonly #timers: Map<Delivery, Timer> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Beats at twice the rate that the caller counts on, so that one late beat fails nothing. */
  start(delivery: Delivery): void {
    const { monitorMs } = delivery;
    if (monitorMs === undefined) return;
    const beat = (): void => {
      delivery.beat();
      arm();
    };
    const arm = (): void => {
      this.#timers.set(delivery, this.#clock.setTimer(beat, monitorMs / 2, { background: true }));
    };
    arm();
  }

  stop(delivery: Delivery): void {
    if (delivery.monitorMs === undefined) return;
    this.#timers.get(delivery)?.cancel();
    this.#timers.delete(delivery);
  }

  stopAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
