/** Generations stay small integers, which the engine's varints and V8 both like best. */
const GENERATIONS = 0x3fff_ffff;

/**
 * Numbers for what is in flight on one link: an index into a table, and a generation that tells its uses apart.
 *
 * Slots are handed out densely, the one freed last first, so that the other side can keep a plain array of the same indices.
 */
export class SlotTable<Entry> {
  readonly #entries: (Entry | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  /** How many are in use. */
  size = 0;

  take(entry: Entry): number {
    this.size++;
    const slot = this.#free.pop();
    if (slot !== undefined) {
      this.#entries[slot] = entry;
      return slot;
    }
    this.#generations.push(0);
    return this.#entries.push(entry) - 1;
  }

  /** Of a slot in use, or of its next use. */
  generation(slot: number): number {
    return this.#generations[slot] ?? 0;
  }

  /** What holds the slot in that generation; undefined for a late, unknown or invented pair. */
  find(slot: number, generation: number): Entry | undefined {
    return this.#generations[slot] === generation ? this.#entries[slot] : undefined;
  }

  release(slot: number): void {
    if (this.#entries[slot] === undefined) return;
    this.#entries[slot] = undefined;
    this.#generations[slot] = (this.generation(slot) + 1) & GENERATIONS;
    this.#free.push(slot);
    this.size--;
  }

  /** Takes all that is in use out of the table, in the order of slots. */
  drain(): Entry[] {
    const entries: Entry[] = [];
    for (let slot = 0; slot < this.#entries.length; slot++) {
      const entry = this.#entries[slot];
      if (entry === undefined) continue;
      entries.push(entry);
      this.release(slot);
    }
    return entries;
  }
}
