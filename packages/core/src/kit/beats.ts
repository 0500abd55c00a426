import type { Clock, Timer } from "../host.js";
import type { Delivery } from "../seam.js";

/** What a caller watches (B8). */
type Monitored = Pick<Delivery, "monitorMs" | "beat">;

/** However little a caller asks for, it is not told more often. */
const LEAST_MS = 5;

/**
 * Call monitoring at the server (B8): beats for each monitored request, from `start` until `stop`. Core beats for what was delivered to
 * it; a driver that keeps a request until core may have it beats for it until then.
 */
export class Beats {
  readonly #clock: Clock;
  readonly #timers: Map<Monitored, Timer> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Beats at twice the rate that the caller counts on, so that one late beat fails nothing. */
  start(delivery: Monitored): void {
    const { monitorMs } = delivery;
    if (monitorMs === undefined) return;
    const everyMs = Math.max(LEAST_MS, monitorMs / 2);
    const beat = (): void => {
      delivery.beat();
      arm();
    };
    const arm = (): void => {
      this.#timers.set(delivery, this.#clock.setTimer(beat, everyMs, { background: true }));
    };
    arm();
  }

  stop(delivery: Monitored): void {
    if (delivery.monitorMs === undefined) return;
    this.#timers.get(delivery)?.cancel();
    this.#timers.delete(delivery);
  }

  stopAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
