import type { Clock, Timer } from "../host.js";

/** How a batch listener gathers events (C6). */
export interface BatchOptions {
  /** The most events in one batch: 1 or more. */
  readonly size: number;
  /** The longest an event waits for others, from the first of its batch, in milliseconds. @default 1000 */
  readonly timeoutMs?: number;
}

interface OpenBatch<Item> {
  readonly items: Item[];
  readonly dueAt: number;
}

export interface BatcherOptions<Item> {
  readonly size: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called with 1 to `size` items of one key, in the order they came; may be called from within `add`. */
  readonly onBatch: (items: readonly Item[]) => void;
}

/** Gathers items by key into batches that are full or due. One timer, whatever the number of keys. */
export class Batcher<Item> {
  readonly #options: BatcherOptions<Item>;
  /** Every batch is due equally long after its first item, so the oldest is the first in the map. */
  readonly #open: Map<string, OpenBatch<Item>> = new Map();
  #timer: Timer | undefined;

  constructor(options: BatcherOptions<Item>) {
    this.#options = options;
  }

  add(key: string, item: Item): void {
    const { size, timeoutMs, clock, onBatch } = this.#options;
    let batch = this.#open.get(key);
    if (batch === undefined) {
      batch = { items: [], dueAt: clock.now() + timeoutMs };
      this.#open.set(key, batch);
    }
    batch.items.push(item);
    if (batch.items.length >= size) {
      this.#open.delete(key);
      this.#arm();
      onBatch(batch.items);
    } else this.#arm();
  }

  /** Ends the gathering: what is in open batches, oldest batch first. */
  takeAll(): Item[] {
    const items = [...this.#open.values()].flatMap((batch) => batch.items);
    this.#open.clear();
    this.#arm();
    return items;
  }

  /** Keeps a timer exactly while a batch is open. A timer that fires early, or for a batch that went full, finds nothing due. */
  #arm(): void {
    const [first] = this.#open.values();
    if (first === undefined) {
      this.#timer?.cancel();
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      const { clock } = this.#options;
      this.#timer = clock.setTimer(() => this.#flushDue(), Math.max(0, first.dueAt - clock.now()));
    }
  }

  #flushDue(): void {
    this.#timer = undefined;
    const now = this.#options.clock.now();
    const due: OpenBatch<Item>[] = [];
    for (const [key, batch] of this.#open) {
      if (batch.dueAt > now) break;
      this.#open.delete(key);
      due.push(batch);
    }
    this.#arm();
    for (const batch of due) this.#options.onBatch(batch.items);
  }
}
