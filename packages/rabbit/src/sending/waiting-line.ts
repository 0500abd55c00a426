import type { Publication } from "./publication.js";

interface Place {
  publication: Publication | undefined;
}

/** Places that were left behind are cut off when there are so many of them, and more than of those that are taken. */
const LARGEST_WASTE = 256;

/** What waits to be written, first come first served; one in the middle may be given up. */
export class WaitingLine {
  #places: Place[] = [];
  readonly #placeOf: Map<Publication, Place> = new Map();
  #head = 0;

  get size(): number {
    return this.#placeOf.size;
  }

  push(publication: Publication): void {
    const place: Place = { publication };
    this.#places.push(place);
    this.#placeOf.set(publication, place);
  }

  /** The one whose turn it is. */
  get first(): Publication | undefined {
    for (; this.#head < this.#places.length; this.#head += 1) {
      const publication = this.#places[this.#head]?.publication;
      if (publication !== undefined) return publication;
    }
    this.#places = [];
    this.#head = 0;
    return undefined;
  }

  /** True where it waited here. */
  remove(publication: Publication): boolean {
    const place = this.#placeOf.get(publication);
    if (place === undefined) return false;
    this.#placeOf.delete(publication);
    place.publication = undefined;
    if (this.#head >= LARGEST_WASTE && this.#head * 2 >= this.#places.length) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }

  all(): Publication[] {
    return [...this.#placeOf.keys()];
  }

  /** All that waits, oldest first; the line is empty then. */
  takeAll(): Publication[] {
    const all = this.all();
    this.#placeOf.clear();
    this.#places = [];
    this.#head = 0;
    return all;
  }
}
