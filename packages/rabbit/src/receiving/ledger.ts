import { type Clock, DuplicateWindow } from "@trunkline/core/driver";

/** What the manifest says of `duplicateWindow`. */
export const DUPLICATE_WINDOW: { readonly ids: number; readonly ms: number } = { ids: 10_000, ms: 300_000 };

/**
 * What the servers of one transport have and had: so that a message which comes again is known, whatever the broker says of
 * it (B10, B12).
 *
 * A key is the message's id where several servers share a queue, and has the server's own before it where they do not.
 */
export class Ledger<Held> {
  readonly #held: Map<string, Held> = new Map();
  readonly #taken: DuplicateWindow;

  constructor(clock: Pick<Clock, "now">) {
    this.#taken = new DuplicateWindow({ ...DUPLICATE_WINDOW, clock });
  }

  get size(): number {
    return this.#held.size;
  }

  held(key: string): Held | undefined {
    return this.#held.get(key);
  }

  /** Whether it was dispatched here, as far back as the window reaches. */
  wasTaken(key: string): boolean {
    return this.#taken.has(key);
  }

  /** Whether a server here has it, or had it. */
  knows(key: string): boolean {
    return this.#held.has(key) || this.#taken.has(key);
  }

  hold(key: string, held: Held): void {
    this.#held.set(key, held);
  }

  /** The instant before dispatch. False: it was dispatched before. */
  take(key: string): boolean {
    return this.#taken.isNew(key);
  }

  /** It is settled, or was given back. */
  release(key: string): void {
    this.#held.delete(key);
  }
}
