/** Attempts are counted for so many events at a time; the one that was asked for longest ago is forgotten first. */
const REMEMBERED = 10_000;

/** How often handlers of this process asked for an event again, by its id: oslo.messaging's wire has no place for it. */
export class AttemptBook {
  readonly #attempts: Map<string, number> = new Map();

  /** The number of the attempt that begins now. */
  next(id: string): number {
    return 1 + (this.#attempts.get(id) ?? 0);
  }

  /** That attempt is over, and another will come. */
  note(id: string, attempt: number): void {
    this.#attempts.delete(id);
    const [oldest] = this.#attempts.size >= REMEMBERED ? this.#attempts.keys() : [];
    if (oldest !== undefined) this.#attempts.delete(oldest);
    this.#attempts.set(id, attempt);
  }
}
