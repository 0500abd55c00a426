/** How much of one sender's may wait in a line before its sender is slowed; twice as much, and it is refused (B13). */
export interface LineLimits {
  readonly messages: number;
  readonly bytes: number;
}

export interface LineItem {
  /** Its place: rises with every message of the bus. */
  readonly seq: number;
  readonly bytes: number;
  readonly limits: LineLimits;
}

/**
 * What waits for one address, in order. The front of it, up to the bound, is *admitted*: the bus has taken it over. What
 * stands behind is held, and still its sender's.
 */
export class WaitingLine<Item extends LineItem> {
  /** As they came: rising `seq`. */
  readonly #tail: Set<Item> = new Set();
  /** What came back, each at its old place: rising `seq`. */
  readonly #returned: Item[] = [];
  /** The part of the tail that is held, in order. */
  readonly #held: Set<Item> = new Set();
  #admitted = 0;
  #admittedBytes = 0;
  #bytes = 0;

  get size(): number {
    return this.#tail.size + this.#returned.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Past twice the bound, where more is refused at once. */
  isOverflowing(limits: LineLimits): boolean {
    return this.size >= 2 * limits.messages || this.#bytes >= 2 * limits.bytes;
  }

  /** To the end, held until `admit`. Its `seq` is the highest so far. */
  add(item: Item): void {
    this.#tail.add(item);
    this.#held.add(item);
    this.#bytes += item.bytes;
  }

  /** To its old place, admitted whatever the bound: it was taken over before. */
  putBack(item: Item): void {
    let at = this.#returned.length;
    while (at > 0 && (this.#returned[at - 1]?.seq ?? 0) > item.seq) at -= 1;
    this.#returned.splice(at, 0, item);
    this.#bytes += item.bytes;
    this.#admitted += 1;
    this.#admittedBytes += item.bytes;
  }

  /** False where it does not wait here. */
  delete(item: Item): boolean {
    if (!this.#tail.delete(item)) {
      const at = this.#returned.indexOf(item);
      if (at < 0) return false;
      this.#returned.splice(at, 1);
    }
    this.#bytes -= item.bytes;
    if (!this.#held.delete(item)) {
      this.#admitted -= 1;
      this.#admittedBytes -= item.bytes;
    }
    return true;
  }

  /** Admits what now fits, in order. One message fits into an empty line whatever its size. */
  admit(admitted: (item: Item) => void): void {
    for (const item of this.#held) {
      const fits = this.#admitted < item.limits.messages && this.#admittedBytes + item.bytes <= item.limits.bytes;
      if (!fits && this.#admitted > 0) return;
      this.#held.delete(item);
      this.#admitted += 1;
      this.#admittedBytes += item.bytes;
      admitted(item);
    }
  }

  /** In order. Deleting the item that was just given is allowed. */
  *[Symbol.iterator](): Generator<Item> {
    const tail = this.#tail.values();
    let next = tail.next();
    for (let at = 0; ; ) {
      const returned = this.#returned[at];
      if (returned === undefined && next.done === true) return;
      if (returned !== undefined && (next.done === true || returned.seq < next.value.seq)) {
        yield returned;
        if (this.#returned[at] === returned) at += 1;
      } else if (next.done !== true) {
        yield next.value;
        next = tail.next();
      }
    }
  }
}
