import type { Clock, Timer } from "@trunkline/core/driver";

/** Looks this many times in the time of a heartbeat. */
const LOOKS = 4;

/**
 * Notices that the event loop was blocked for so long that the broker may have missed heartbeats: it says so once for each time,
 * since the connection that is lost then is lost by this process.
 */
export class LoopWatch {
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #warn: (message: string) => void;
  #timer: Timer | undefined;

  /** @param heartbeatMs 0: there are none to miss. */
  constructor(clock: Clock, heartbeatMs: number, warn: (message: string) => void) {
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
    this.#warn = warn;
    if (heartbeatMs > 0) this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const every = this.#heartbeatMs / LOOKS;
    const due = this.#clock.now() + every;
    this.#timer = this.#clock.setTimer(
      () => {
        const lateMs = this.#clock.now() - due;
        if (lateMs >= this.#heartbeatMs / 2) {
          const words = `the event loop was blocked for ${Math.round(lateMs)} ms, with heartbeats of ${this.#heartbeatMs} ms`;
          this.#warn(`${words}: rabbit ends a connection that misses two; move long work to a worker thread`);
        }
        this.#arm();
      },
      every,
      { background: true },
    );
  }
}
