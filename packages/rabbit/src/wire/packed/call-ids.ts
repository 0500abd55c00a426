import { randomFillSync } from "node:crypto";

/** Random numbers are drawn so many at once. */
const DRAWN = 256;
/** So many calls in flight have numbers of their own, whatever is drawn. */
const COUNTED = 2 ** 20;

/**
 * Numbers for the calls of one inbox, which their servers alone are told: no two in flight are the same, and none tells another. A
 * reply is taken for that of the call whose number it has.
 */
export class CallIds {
  readonly #random: Uint32Array = new Uint32Array(DRAWN);
  #used: number = DRAWN;
  #count = 0;

  next(): number {
    if (this.#used === DRAWN) {
      randomFillSync(this.#random);
      this.#used = 0;
    }
    const random = this.#random[this.#used++] ?? 0;
    this.#count = (this.#count + 1) % COUNTED;
    return random * COUNTED + this.#count;
  }
}
