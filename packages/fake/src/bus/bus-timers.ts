import type { Clock, Timer } from "@trunkline/core/driver";

/** Whose clock a timer runs on. */
export interface ClockOwner {
  readonly clock: Clock;
}

interface Armed {
  readonly fn: () => void;
  readonly due: number;
  owner: ClockOwner;
  timer: Timer;
}

/**
 * The bus has no clock of its own: its timers run on the clock of the transport that they are for. When that transport
 * leaves, its timers go on, with what was left, on another's; when the last one leaves they fire, and nothing stays (E4).
 */
export class BusTimers {
  readonly #owners: Set<ClockOwner> = new Set();
  readonly #armed: Set<Armed> = new Set();

  join(owner: ClockOwner): void {
    this.#owners.add(owner);
  }

  leave(owner: ClockOwner): void {
    this.#owners.delete(owner);
    const heir = this.#heir();
    for (const armed of [...this.#armed]) {
      if (armed.owner !== owner || !this.#armed.has(armed)) continue;
      armed.timer.cancel();
      this.#armed.delete(armed);
      const leftMs = Math.max(0, armed.due - owner.clock.now());
      if (heir === undefined) armed.fn();
      else this.#arm(heir, armed.fn, leftMs, armed);
    }
  }

  /** Runs `fn` once after `delayMs` on the owner's clock, or another's where the owner has left. */
  set(owner: ClockOwner, fn: () => void, delayMs: number): Timer {
    const on = this.#owners.has(owner) ? owner : this.#heir();
    if (on === undefined) {
      fn();
      return { cancel: () => {} };
    }
    const armed = this.#arm(on, fn, delayMs);
    return {
      cancel: () => {
        armed.timer.cancel();
        this.#armed.delete(armed);
      },
    };
  }

  #heir(): ClockOwner | undefined {
    const [first] = this.#owners;
    return first;
  }

  #arm(owner: ClockOwner, fn: () => void, delayMs: number, moved?: Armed): Armed {
    const due = owner.clock.now() + delayMs;
    const fire = (): void => {
      this.#armed.delete(armed);
      fn();
    };
    const timer = owner.clock.setTimer(fire, delayMs);
    // A timer that moves keeps its object, which its `cancel` knows.
    const armed: Armed = moved === undefined ? { fn, due, owner, timer } : Object.assign(moved, { due, owner, timer });
    this.#armed.add(armed);
    return armed;
  }
}
