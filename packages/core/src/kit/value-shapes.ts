/**
 * Shapes of objects: a list of keys that both ends of one ordered connection know by a number, so that objects which have these
 * keys travel as the number and their values (`value-format.ts`). One table for each direction of each connection, which dies
 * with it (docs/adr/0026).
 */
import { MalformedError, type ShapeNames } from "./value-reader.js";

/** How many shapes one table holds. */
export const MAX_SHAPES = 512;
/** How many keys a shape may have; it has at least one. */
export const MAX_SHAPE_KEYS = 24;
/** How many bytes of UTF-8 the keys of one table may have together. */
export const MAX_SHAPE_BYTES: number = 64 * 1024;

/** Keys longer than this, together, are no shape of many objects. */
const LONGEST_SHAPE = 1024;
/** What is seen so often is announced: what comes once or twice would pay for the announcement and gain nothing. */
const SIGHTS = 3;
/** Lists of keys that end with the same one, which are compared one by one. */
const MAX_ALIKE = 16;
/** So many lists of keys are watched before all of them are forgotten for new ones. */
const MAX_WATCHED = 1024;
/** How often they are forgotten before nothing new is watched: a sender of dictionaries, whose keys are ever new, pays no longer. */
const MAX_RENEWALS = 8;

/** A list of keys as its sender keeps it. */
export interface SentShape {
  /** Empty, which no object's are, once it made room for others before it was announced. */
  keys: readonly string[];
  /** From 1 on, once it is announced; 0 before that. */
  id: number;
  sights: number;
  /** How many bytes an object of it has fewer than in the plain form, to within two for each key that is not ASCII. */
  saved: number;
  /** What came behind it last time, and is guessed first. */
  next: SentShape | undefined;
}

/**
 * The sending end's table. It learns from the objects that are written: keys that came three times, in one order, become due to
 * be announced; from then on the writer uses the number. It takes no more than {@link MAX_SHAPES} of {@link MAX_SHAPE_BYTES},
 * and leaves alone what is no shape: more than {@link MAX_SHAPE_KEYS} keys, very long ones, `__proto__`, lone surrogates.
 *
 * `take` may be called between two records only, and what it returns goes to the peer before the next value.
 */
export class SentShapes implements ShapeNames {
  readonly #first: SentShape = newShape([]);
  readonly #byLastKey: Map<string, SentShape[]> = new Map();
  readonly #announced: SentShape[] = [];
  #due: SentShape[] = [];
  #last: SentShape = this.#first;
  #watched = 0;
  #renewals = 0;
  #bytes = 0;

  /** Whether shapes wait to be announced. */
  get isDue(): boolean {
    return this.#due.length > 0;
  }

  /** How many were announced. */
  get size(): number {
    return this.#announced.length;
  }

  /** One's own need no bound. */
  begin(): void {}

  keysOf(id: number): readonly string[] | undefined {
    return this.#announced[id - 1]?.keys;
  }

  /**
   * The announced shape of an object with these keys, in their order; undefined where it is to be written plainly.
   *
   * @param keys one to {@link MAX_SHAPE_KEYS}. The list is kept.
   */
  find(keys: readonly string[]): SentShape | undefined {
    const last = this.#last;
    let shape = last.next;
    if (shape === undefined || !isSame(shape.keys, keys)) {
      shape = this.#search(keys);
      if (shape === undefined) return undefined;
      last.next = shape;
    }
    this.#last = shape;
    if (shape.id !== 0) return shape;
    if (++shape.sights === SIGHTS) this.#announceLater(shape);
    return undefined;
  }

  /** The keys of what is due, each list by the next number from 1 on: from here on the writer uses them. */
  take(): readonly (readonly string[])[] {
    const due = this.#due;
    this.#due = [];
    for (const shape of due) {
      shape.id = this.#announced.push(shape);
      // The marker and the number, against the head of a map and its keys.
      shape.saved += (shape.keys.length < 16 ? 1 : 3) - (shape.id < 0x80 ? 2 : 3);
    }
    return due.map(({ keys }) => keys);
  }

  #announceLater(shape: SentShape): void {
    let bytes = 0;
    for (const key of shape.keys) bytes += Buffer.byteLength(key);
    if (this.#announced.length + this.#due.length >= MAX_SHAPES || this.#bytes + bytes > MAX_SHAPE_BYTES) {
      this.#renewals = MAX_RENEWALS;
      this.#forget();
      return;
    }
    this.#bytes += bytes;
    for (const key of shape.keys) shape.saved += savedBytes(key);
    this.#due.push(shape);
  }

  #search(keys: readonly string[]): SentShape | undefined {
    const last = keys[keys.length - 1];
    if (last === undefined) return undefined;
    const alike = this.#byLastKey.get(last);
    if (alike !== undefined) for (const shape of alike) if (isSame(shape.keys, keys)) return shape;
    if (this.#renewals >= MAX_RENEWALS || !mayBeShape(keys)) return undefined;
    if (++this.#watched > MAX_WATCHED) {
      this.#watched = 0;
      this.#renewals++;
      this.#forget();
      return undefined;
    }
    if (alike !== undefined && alike.length >= MAX_ALIKE) {
      // Always the same place: those before it are seen again before they are replaced.
      const newest = alike.at(-1);
      if (newest === undefined || newest.sights >= SIGHTS) return undefined;
      alike.pop();
      // One that is still guessed behind another must not be announced beside the next one of these keys.
      newest.keys = [];
    }
    return this.#put(newShape(keys), last);
  }

  #put(shape: SentShape, last: string): SentShape {
    const alike = this.#byLastKey.get(last);
    if (alike === undefined) this.#byLastKey.set(last, [shape]);
    else alike.push(shape);
    return shape;
  }

  /** All that was not seen often enough. */
  #forget(): void {
    this.#byLastKey.clear();
    this.#first.next = undefined;
    this.#last = this.#first;
    for (const shape of [...this.#announced, ...this.#due]) {
      shape.next = undefined;
      this.#put(shape, shape.keys.at(-1) ?? "");
    }
  }
}

/**
 * The receiving end's table: it takes what the peer announces, within the same bounds, and makes nothing of keys but
 * strings.
 */
export class ReceivedShapes implements ShapeNames {
  readonly #shapes: (readonly string[])[] = [];
  /** Of each shape, what its keys take in the plain form. */
  readonly #plainBytes: number[] = [];
  readonly #known: Set<string> = new Set();
  readonly #mostBytes: number;
  #bytes = 0;
  #left: number;

  /**
   * @param mostBytes what the keys of one record's objects may take in the plain form. A few bytes stand for a list of keys, so that
   * this, and not the length of what came, bounds what a stranger's message becomes.
   */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
    this.#left = mostBytes;
  }

  get size(): number {
    return this.#shapes.length;
  }

  begin(): void {
    this.#left = this.#mostBytes;
  }

  keysOf(id: number): readonly string[] | undefined {
    this.#left -= this.#plainBytes[id - 1] ?? 0;
    if (this.#left < 0) throw new MalformedError(`shapes that stand for more than ${this.#mostBytes} bytes of keys`, 0);
    return this.#shapes[id - 1];
  }

  /**
   * Takes the next shape; its number is one more than that of the one before, and the first is 1.
   *
   * @param position where it stands, for the error.
   * @throws MalformedError where it is out of bounds, was announced before, names a key twice, or has the key `__proto__`.
   */
  add(keys: readonly string[], position: number): void {
    if (this.#shapes.length >= MAX_SHAPES) throw new MalformedError(`more than ${MAX_SHAPES} shapes`, position);
    if (keys.length === 0 || keys.length > MAX_SHAPE_KEYS)
      throw new MalformedError(`a shape of ${keys.length} keys`, position);
    if (keys.includes("__proto__")) throw new MalformedError('a shape with the key "__proto__"', position);
    if (new Set(keys).size !== keys.length) throw new MalformedError("a shape that names a key twice", position);
    for (const key of keys) this.#bytes += Buffer.byteLength(key);
    if (this.#bytes > MAX_SHAPE_BYTES)
      throw new MalformedError(`shapes with more than ${MAX_SHAPE_BYTES} bytes of keys`, position);
    const name = JSON.stringify(keys);
    if (this.#known.has(name)) throw new MalformedError("a shape announced twice", position);
    this.#known.add(name);
    this.#shapes.push(internalizedAll(keys));
    this.#plainBytes.push(keys.reduce((sum, key) => sum + savedBytes(key), 0));
  }
}

function newShape(keys: readonly string[]): SentShape {
  return { keys, id: 0, sights: 0, saved: 0, next: undefined };
}

/** Both are lists of an object's own keys, of which the engine has one copy each: comparing them is comparing addresses. */
function isSame(known: readonly string[], keys: readonly string[]): boolean {
  const { length } = keys;
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== keys[i]) return false;
  return true;
}

function mayBeShape(keys: readonly string[]): boolean {
  let length = 0;
  for (const key of keys) {
    length += key.length;
    if (length > LONGEST_SHAPE || key === "__proto__" || !key.isWellFormed()) return false;
  }
  return true;
}

/** A key's bytes in the plain form, as the writer has them: where it is not ASCII, by the width that it takes in one pass. */
export function savedBytes(key: string): number {
  const size = Buffer.byteLength(key);
  if (size !== key.length) return size + (3 * key.length < 0x100 ? 2 : 3);
  if (size < 32) return size + 1;
  return size < 0x100 ? size + 2 : size + 3;
}

/** The engine's own copies of the keys, in their order: members are found by them without a look at their characters. */
function internalizedAll(keys: readonly string[]): readonly string[] {
  return keys.map((key) => Object.keys({ [key]: 0 })[0] ?? key);
}
