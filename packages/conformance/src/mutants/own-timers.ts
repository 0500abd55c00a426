/** The timers of one broken driver, so that its `close` leaves none. */
export class OwnTimers {
  readonly #running = new Set<NodeJS.Timeout>();

  /** Runs `fn` after `delayMs`, unless it was stopped before. Returns what stops it. */
  set(fn: () => void, delayMs: number): () => void {
    const timer = setTimeout(() => {
      this.#running.delete(timer);
      fn();
    }, delayMs);
    this.#running.add(timer);
    return () => {
      this.#running.delete(timer);
      clearTimeout(timer);
    };
  }

  stopAll(): void {
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
