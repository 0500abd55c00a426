/**
 * Holds handlers until the case lets them go: the place of every sleep.
 *
 * A handler awaits `pass()`; the case awaits `arrived(n)` and calls `release()` or `open()`. The kit opens every gate of a
 * case when the case ends, so that nothing stays blocked.
 */
export class Gate {
  #entered = 0;
  #inside = 0;
  #mostInside = 0;
  #tokens = 0;
  #isOpen = false;
  readonly #blocked: (() => void)[] = [];
  readonly #watchers = new Set<() => void>();

  /** How many came to the gate so far. */
  get entered(): number {
    return this.#entered;
  }

  /** How many stand at the gate now. */
  get waiting(): number {
    return this.#inside;
  }

  /** The most that ever stood at the gate at one time. */
  get mostWaiting(): number {
    return this.#mostInside;
  }

  /** Resolves when the case lets this one through, with `value`. */
  pass(): Promise<void>;
  pass<Value>(value: Value): Promise<Value>;
  async pass(value?: unknown): Promise<unknown> {
    this.#entered++;
    this.#inside++;
    this.#mostInside = Math.max(this.#mostInside, this.#inside);
    for (const watcher of [...this.#watchers]) watcher();
    if (!this.#isOpen) {
      if (this.#tokens > 0) this.#tokens--;
      else await new Promise<void>((resolve) => this.#blocked.push(resolve));
    }
    this.#inside--;
    return value;
  }

  /** Resolves when `count` have come, in all. */
  arrived(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#entered < count) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Lets `count` through, those that wait first. */
  release(count = 1): void {
    for (let left = count; left > 0; left--) {
      const next = this.#blocked.shift();
      if (next === undefined) this.#tokens++;
      else next();
    }
  }

  /** Lets all through, now and later. */
  open(): void {
    this.#isOpen = true;
    for (const next of this.#blocked.splice(0)) next();
  }
}
