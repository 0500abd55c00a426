import type { Clock, Timer } from "@trunkline/core/driver";
import type { Roster } from "./roster.js";

/** Who is there answers soon; who is not is found dead within a minute, and the broker counts its consumers no more. */
const FIRST_MS = 25;
const BETWEEN_MS = 1_000;
const LAST_MS = 60_000;

export interface RollCallParts {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly roster: Roster;
  /** How many consume from the topic's queue, as the broker counts them; undefined where it cannot be asked now. */
  consumers(): Promise<number | undefined>;
  /** How many of them are this transport's own. */
  own(): number;
}

/** Counts the consumers of a topic until its roster is whole: one that hangs has not answered, and may have messages. */
export class RollCall {
  readonly #parts: RollCallParts;
  #timer: Timer | undefined;
  #since = 0;

  constructor(parts: RollCallParts) {
    this.#parts = parts;
  }

  start(): void {
    this.stop();
    this.#since = this.#parts.clock.now();
    this.#again(FIRST_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #again(afterMs: number): void {
    this.#timer = this.#parts.clock.setTimer(() => void this.#count(afterMs), afterMs, { background: true });
  }

  async #count(afterMs: number): Promise<void> {
    const { clock, roster, consumers, own } = this.#parts;
    const timer = this.#timer;
    const counted = await consumers();
    if (this.#timer !== timer) return;
    if (counted !== undefined) roster.counted(counted, own());
    if (roster.isWhole) return;
    if (clock.now() - this.#since < LAST_MS) this.#again(Math.min(BETWEEN_MS, 2 * afterMs));
    else roster.whole();
  }
}
