import type { Clock, Timer } from "@trunkline/core/driver";
import type { Turns } from "./turns.js";

interface Waiting<Frame> {
  readonly frame: Frame;
  /** On the clock's `now()`. */
  readonly at: number;
}

/** One direction of a link: first in, first out, never by a direct call, and late by as much as the controls ask. */
export class Pipe<Frame> {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #turns: Turns;
  readonly #arrived: (frame: Frame) => void;
  #waiting: Waiting<Frame>[] = [];
  #from = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #isFrozen = false;
  #takeBack: (() => void) | undefined;
  #timer: Timer | undefined;
  /** Each frame's delay; jitter adds up to as much again, and never reorders. */
  delayMs = 0;
  jitterMs = 0;

  constructor(clock: Clock, random: () => number, turns: Turns, arrived: (frame: Frame) => void) {
    this.#clock = clock;
    this.#turns = turns;
    this.#random = random;
    this.#arrived = arrived;
  }

  push(frame: Frame): void {
    const wanted = this.#clock.now() + this.delayMs + (this.jitterMs === 0 ? 0 : this.#random() * this.jitterMs);
    this.#lastAt = Math.max(this.#lastAt, wanted);
    this.#waiting.push({ frame, at: this.#lastAt });
    this.#schedule();
  }

  freeze(): void {
    this.#isFrozen = true;
    this.#unschedule();
  }

  thaw(): void {
    this.#isFrozen = false;
    this.#schedule();
  }

  /** What is on its way is lost, and returned. */
  clear(): Frame[] {
    this.#unschedule();
    const lost = this.#waiting.slice(this.#from).map(({ frame }) => frame);
    this.#waiting = [];
    this.#from = 0;
    this.#lastAt = Number.NEGATIVE_INFINITY;
    return lost;
  }

  /** What is on its way arrives now, whatever the delay; nothing does on a frozen pipe. */
  flush(): void {
    while (!this.#isFrozen) {
      const next = this.#waiting[this.#from];
      if (next === undefined) break;
      this.#from += 1;
      this.#arrived(next.frame);
    }
  }

  #schedule(): void {
    if (this.#isFrozen || this.#takeBack !== undefined || this.#timer !== undefined) return;
    const next = this.#waiting[this.#from];
    if (next === undefined) return;
    const leftMs = next.at - this.#clock.now();
    if (leftMs > 0) {
      this.#timer = this.#clock.setTimer(() => {
        this.#timer = undefined;
        this.#drain();
      }, leftMs);
    } else {
      this.#takeBack = this.#turns.soon(() => {
        this.#takeBack = undefined;
        this.#drain();
      });
    }
  }

  #unschedule(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#takeBack?.();
    this.#takeBack = undefined;
  }

  #drain(): void {
    // What is pushed meanwhile waits for the next run; a frame's effects may freeze or clear this pipe at any step.
    let left = this.#waiting.length - this.#from;
    const now = this.#clock.now();
    try {
      for (; left > 0 && !this.#isFrozen; left -= 1) {
        const next = this.#waiting[this.#from];
        if (next === undefined || next.at > now) break;
        this.#from += 1;
        this.#arrived(next.frame);
      }
    } finally {
      if (this.#from === this.#waiting.length) {
        this.#waiting = [];
        this.#from = 0;
      } else if (this.#from > 1_024) {
        this.#waiting.splice(0, this.#from);
        this.#from = 0;
      }
      this.#schedule();
    }
  }
}
