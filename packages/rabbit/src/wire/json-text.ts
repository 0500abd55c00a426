import { endOfDigits, endOfString, mayHoldLongInteger } from "./json-scan.js";

/**
 * What `JSON.stringify` writes, but doubles of 2^53 to 10^21, which it writes as bare digits, get a fraction: `2**60` becomes
 * `1152921504606847000.0`. Python takes digits for an exact integer, here for another one, and our own reader for a bigint;
 * with a point both read the double that was sent (D2).
 */
export function jsonText(value: object): string {
  const text = JSON.stringify(value);
  return mayHoldLongInteger(text) ? withFractions(text) : text;
}

const POINT = ".";

/** `text` is what `JSON.stringify` wrote: strings are whole, and no double beyond 2^53 has a fraction of its own. */
function withFractions(text: string): string {
  let written = "";
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') {
      at = endOfString(text, at);
      continue;
    }
    const end = endOfDigits(text, at);
    if (end === at) continue;
    if (text[at - 1] !== POINT && !Number.isSafeInteger(Number(text.slice(at, end)))) {
      written += `${text.slice(copied, end)}.0`;
      copied = end;
    }
    at = end - 1;
  }
  return written + text.slice(copied);
}
