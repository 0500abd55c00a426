/** What waits, first come first served. An array with a moving start: what has left is cut off before it outweighs the rest. */
export class DeliveryQueue<Item> {
  #items: (Item | undefined)[] = [];
  /** Where the next to leave stands. */
  #from = 0;

  get size(): number {
    return this.#items.length - this.#from;
  }

  /** How many places are held, those of items that have left included. */
  get capacity(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#from];
    if (item === undefined) return undefined;
    this.#items[this.#from] = undefined;
    this.#from += 1;
    const isEmpty = this.#from === this.#items.length;
    if (isEmpty || (this.#from >= LARGEST_WASTE && this.#from * 2 >= this.#items.length)) {
      this.#items = isEmpty ? [] : this.#items.slice(this.#from);
      this.#from = 0;
    }
    return item;
  }

  /** All that waits, oldest first; the queue is empty then. */
  takeAll(): Item[] {
    const waiting = this.#items.slice(this.#from).filter((item) => item !== undefined);
    this.#items = [];
    this.#from = 0;
    return waiting;
  }
}

const LARGEST_WASTE = 64;
