/** The longest string, in bytes, that {@link shortAscii} makes. */
export const LONGEST_SHORT = 16;

/**
 * A string of up to 16 ASCII characters, without the call out of JavaScript that a Buffer's own decoding is (40 ns, more
 * than the rest of a small value); undefined where another byte is among them.
 *
 * Spelt out, since only a call with its arguments in place makes one flat string at once. The caller has checked the bounds.
 */
export function shortAscii(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (length === 0) return "";
  const text = String.fromCharCode;
  const a = at(bytes, start);
  let all = a;
  if (length === 1) return all > 0x7f ? undefined : text(a);
  const b = at(bytes, start + 1);
  all |= b;
  if (length === 2) return all > 0x7f ? undefined : text(a, b);
  const c = at(bytes, start + 2);
  all |= c;
  if (length === 3) return all > 0x7f ? undefined : text(a, b, c);
  const d = at(bytes, start + 3);
  all |= d;
  if (length === 4) return all > 0x7f ? undefined : text(a, b, c, d);
  const e = at(bytes, start + 4);
  all |= e;
  if (length === 5) return all > 0x7f ? undefined : text(a, b, c, d, e);
  const f = at(bytes, start + 5);
  all |= f;
  if (length === 6) return all > 0x7f ? undefined : text(a, b, c, d, e, f);
  const g = at(bytes, start + 6);
  all |= g;
  if (length === 7) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g);
  const h = at(bytes, start + 7);
  all |= h;
  if (length === 8) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h);
  const i = at(bytes, start + 8);
  all |= i;
  if (length === 9) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i);
  const j = at(bytes, start + 9);
  all |= j;
  if (length === 10) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j);
  const k = at(bytes, start + 10);
  all |= k;
  if (length === 11) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j, k);
  const l = at(bytes, start + 11);
  all |= l;
  if (length === 12) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j, k, l);
  const m = at(bytes, start + 12);
  all |= m;
  if (length === 13) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j, k, l, m);
  const n = at(bytes, start + 13);
  all |= n;
  if (length === 14) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  const o = at(bytes, start + 14);
  all |= o;
  if (length === 15) return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  const p = at(bytes, start + 15);
  all |= p;
  return all > 0x7f ? undefined : text(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
}

/**
 * Writes a string of ASCII characters at `start`, where there is room for it; false, with some of it written, where another
 * character is among them. Up to some fifty characters it beats the Buffer's own way, and four at a time beats one.
 */
export function writeAscii(bytes: Uint8Array, start: number, value: string): boolean {
  const length = value.length;
  const whole = length - 3;
  let all = 0;
  let i = 0;
  for (; i < whole; i += 4) {
    const a = value.charCodeAt(i);
    const b = value.charCodeAt(i + 1);
    const c = value.charCodeAt(i + 2);
    const d = value.charCodeAt(i + 3);
    all |= a | b | c | d;
    bytes[start + i] = a;
    bytes[start + i + 1] = b;
    bytes[start + i + 2] = c;
    bytes[start + i + 3] = d;
  }
  for (; i < length; i++) {
    const code = value.charCodeAt(i);
    all |= code;
    bytes[start + i] = code;
  }
  return all < 0x80;
}

function at(bytes: Uint8Array, position: number): number {
  return bytes[position] as number; // within the bounds that the caller has checked
}
