import { MalformedError } from "@trunkline/core/driver";
import { endOfDigits, endOfString, mayHoldLongInteger, tooDeepAt } from "./json-scan.js";

/** How deep a value may nest (D2). What is around it on the wire comes on top. */
export const MAX_VALUE_DEPTH = 1000;

/** As many digits as Python itself reads of one integer: more would take quadratic time on one side or the other. */
const MAX_DIGITS = 4300;

/**
 * The value of a JSON text as Python writes it: the bare words `NaN`, `Infinity` and `-Infinity` are numbers, integers beyond
 * 2^53-1 become `bigint` and are never rounded, and what has a fraction or an exponent stays a number. Of a key that comes
 * twice the last counts; `__proto__` is a key like any other.
 *
 * Almost every text has none of that and is `JSON.parse`'s; the rest takes a reader of its own, in linear time too.
 *
 * @param maxDepth how deep arrays and objects may nest, the outermost being 1.
 * @throws MalformedError and nothing else; its position counts UTF-16 units of the text.
 */
export function parsePythonJson(text: string, maxDepth: number = MAX_VALUE_DEPTH): unknown {
  // JSON.parse itself has no bound; who walks its result would pay for that.
  const deep = tooDeepAt(text, maxDepth);
  if (deep !== undefined) throw new MalformedError(`JSON that is nested more than ${maxDepth} deep`, deep);
  if (!mayHoldLongInteger(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // Python's words for numbers, or no JSON at all: the strict reader tells which, and where.
    }
  }
  return new StrictReader(text).document();
}

/** Recursive, which the bound of depth allows: a text that passed it opens at most twice as many levels before it is refused. */
class StrictReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value();
    if (this.#next() !== undefined) throw this.#unexpected();
    return value;
  }

  #value(): unknown {
    switch (this.#next()) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      case "n":
        return this.#word("null", null);
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "N":
        return this.#word("NaN", Number.NaN);
      case "I":
        return this.#word("Infinity", Number.POSITIVE_INFINITY);
      default:
        return this.#text.startsWith("-I", this.#at)
          ? this.#word("-Infinity", Number.NEGATIVE_INFINITY)
          : this.#number();
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at++;
    if (this.#takes("}")) return object;
    do {
      if (this.#next() !== '"') throw this.#unexpected();
      const key = this.#string();
      if (!this.#takes(":")) throw this.#unexpected();
      const value = this.#value();
      if (key === "__proto__") {
        Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      } else {
        object[key] = value;
      }
    } while (this.#takes(","));
    if (!this.#takes("}")) throw this.#unexpected();
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    this.#at++;
    if (this.#takes("]")) return array;
    do array.push(this.#value());
    while (this.#takes(","));
    if (!this.#takes("]")) throw this.#unexpected();
    return array;
  }

  #string(): string {
    const start = this.#at;
    const end = endOfString(this.#text, start);
    if (end === -1) throw new MalformedError("a JSON string without an end", start);
    this.#at = end + 1;
    try {
      // A quote at both ends and none between that is not escaped: it is a string or no JSON.
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      throw new MalformedError("a JSON string with a bad escape or a control character", start);
    }
  }

  #number(): number | bigint {
    const text = this.#text;
    const start = this.#at;
    const digits = text[start] === "-" ? start + 1 : start;
    let end = this.#digitsFrom(digits);
    if (text[digits] === "0" && end > digits + 1) throw new MalformedError("a number with a leading zero", start);
    const length = end - digits;
    const isInteger = text[end] !== "." && text[end] !== "e" && text[end] !== "E";
    if (text[end] === ".") end = this.#digitsFrom(end + 1);
    if (text[end] === "e" || text[end] === "E") {
      const isSigned = text[end + 1] === "+" || text[end + 1] === "-";
      end = this.#digitsFrom(end + (isSigned ? 2 : 1));
    }
    this.#at = end;
    const token = text.slice(start, end);
    const number = Number(token);
    if (!isInteger || Number.isSafeInteger(number)) return number;
    if (length > MAX_DIGITS) throw new MalformedError(`an integer of more than ${MAX_DIGITS} digits`, start);
    return BigInt(token);
  }

  /** The end of one digit or more. */
  #digitsFrom(start: number): number {
    const end = endOfDigits(this.#text, start);
    if (end > start) return end;
    this.#at = start;
    throw this.#unexpected();
  }

  #word<Meant>(word: string, meant: Meant): Meant {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected();
    this.#at += word.length;
    return meant;
  }

  /** Moves behind white space, and to what comes then; undefined at the end. */
  #next(): string | undefined {
    for (;;) {
      const character = this.#text[this.#at];
      if (character !== " " && character !== "\n" && character !== "\r" && character !== "\t") return character;
      this.#at++;
    }
  }

  #takes(character: string): boolean {
    if (this.#next() !== character) return false;
    this.#at++;
    return true;
  }

  #unexpected(): MalformedError {
    const found = this.#text[this.#at];
    return new MalformedError(
      found === undefined ? "JSON that ends too soon" : `JSON with ${JSON.stringify(found)} out of place`,
      this.#at,
    );
  }
}
