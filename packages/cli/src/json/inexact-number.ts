const INTEGER = /-?\d+(?![\d.eE])/y;

/**
 * The first integer of a valid JSON text that would change on its way, such as an id of 19 digits. What a double does not hold
 * exactly and yet prints as it was written is taken: JavaScript itself writes such numbers.
 */
export function findInexactNumber(text: string): { readonly offset: number; readonly digits: string } | undefined {
  if (!/\d{16}/.test(text)) return undefined;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') {
      at = endOfString(text, at);
    } else if (char === "-" || (char >= "0" && char <= "9")) {
      INTEGER.lastIndex = at;
      const digits = INTEGER.exec(text)?.[0];
      if (digits !== undefined && !arrivesAsWritten(digits)) return { offset: at, digits };
      while (/^[-+.\deE]$/.test(text.charAt(at + 1))) at += 1;
    }
  }
  return undefined;
}

function arrivesAsWritten(digits: string): boolean {
  const number = Number(digits);
  return Number.isFinite(number) && (String(number) === digits || BigInt(number) === BigInt(digits));
}

/** Where the string that begins at `start` has its closing quote: the first one with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charAt(quote - 1 - backslashes) === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}
