/**
 * What can be told of a JSON text without reading it: in one pass, without recursion, and whether or not the text is valid.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** 15 digits always fit within 2^53-1. Behind a point stands a fraction, however long. */
const LONG_DIGITS = /(?<![.\d])\d{16}/;

/** Where the string that begins at `open` has its closing quote; -1 where it has none. */
export function endOfString(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (quote !== -1) {
    let before = quote;
    // The run ends at the latest at the quote before, so that no backslash is counted twice.
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((quote - before) % 2 === 0) return quote;
    quote = text.indexOf('"', quote + 1);
  }
  return -1;
}

/** Where the run of digits that begins at `start` ends; `start` itself where there is none. */
export function endOfDigits(text: string, start: number): number {
  let at = start;
  for (let code = text.charCodeAt(at); code >= 0x30 && code <= 0x39; code = text.charCodeAt(at)) at++;
  return at;
}

/** Where arrays and objects begin to nest deeper than `maxDepth`, the outermost being 1; undefined where they never do. */
export function tooDeepAt(text: string, maxDepth: number): number | undefined {
  // What opens more than that and is valid closes as often.
  if (text.length <= 2 * maxDepth) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (end === -1) return undefined;
        at = end;
        break;
      }
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++depth > maxDepth) return at;
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth--;
        break;
      default:
        break;
    }
  }
  return undefined;
}

/** False where the text certainly has no integer beyond 2^53-1; true where it may, if only inside of a string. */
export function mayHoldLongInteger(text: string): boolean {
  return LONG_DIGITS.test(text);
}
