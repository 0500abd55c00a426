/** Hands over what has arrived as far as credit allows, in the order of arrival (B13). */
export class Gate<Item> {
  readonly #deliver: (item: Item) => void;
  #credit: number;
  #inHand = 0;
  #waiting: (Item | undefined)[] = [];
  #head = 0;
  #isOpen = false;

  constructor(credit: number, deliver: (item: Item) => void) {
    this.#credit = credit;
    this.#deliver = deliver;
  }

  /** What was handed over and has not come back. */
  get inHand(): number {
    return this.#inHand;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  setCredit(credit: number): void {
    this.#credit = credit;
    this.#pump();
  }

  /** From now on things are handed over. */
  open(): void {
    this.#isOpen = true;
    this.#pump();
  }

  /** Nothing is handed over any more. Returns what waited. */
  shut(): Item[] {
    this.#isOpen = false;
    const left = this.#waiting.slice(this.#head).filter((item) => item !== undefined);
    this.#waiting = [];
    this.#head = 0;
    return left;
  }

  offer(item: Item): void {
    this.#waiting.push(item);
    this.#pump();
  }

  /** One that was handed over is settled. */
  release(): void {
    this.#inHand -= 1;
    this.#pump();
  }

  #pump(): void {
    while (this.#isOpen && this.#inHand < this.#credit && this.#head < this.#waiting.length) {
      const item = this.#waiting[this.#head];
      this.#waiting[this.#head] = undefined;
      this.#head += 1;
      if (this.#head === this.#waiting.length) {
        this.#waiting = [];
        this.#head = 0;
      }
      if (item === undefined) continue;
      this.#inHand += 1;
      this.#deliver(item);
    }
  }
}
