import { type Clock, DuplicateWindow } from "@trunkline/core/driver";

/** What was given back is another's by then. */
const GIVEN_MS = 60_000;

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
  readonly #given: DuplicateWindow;

  constructor(clock: Pick<Clock, "now">) {
    this.#taken = new DuplicateWindow({ ...DUPLICATE_WINDOW, clock });
    this.#given = new DuplicateWindow({ ids: DUPLICATE_WINDOW.ids, ms: GIVEN_MS, clock });
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

  /** Whether a server here has it, or had it, or gave it back in a message of its own. */
  knows(key: string): boolean {
    return this.#held.has(key) || this.#taken.has(key) || this.#given.has(key);
  }

  hold(key: string, held: Held): void {
    this.#held.set(key, held);
  }

  /** The instant before dispatch. False: it was dispatched before. */
  take(key: string): boolean {
    return this.#taken.isNew(key);
  }

  /** It was given back in another message under its id, while the broker gives the one that came here to others by itself. */
  gaveCopy(key: string): void {
    this.#given.isNew(key);
  }

  /** `held` is settled, or was given back. What came under the same key since then stays. */
  release(key: string, held: Held): void {
    if (this.#held.get(key) === held) this.#held.delete(key);
  }
}
