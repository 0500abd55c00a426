import { createHash } from "node:crypto";
import { InvalidArgumentError } from "../errors.js";

/**
 * Writes any name in letters, digits, `_`, `-` and `=`, which every backend, file system and routing key takes, so that a
 * name with a backend's own syntax in it stays apart from every other (A5). Readable where the name was: only other
 * characters change, each byte of their UTF-8 to `=` and two hex digits.
 *
 * Different names give different results, whole and as parts joined by a character outside that alphabet. Case is kept: where a backend
 * ignores case, use {@link hashName} with `caseless`.
 * @throws InvalidArgumentError for a name with a lone surrogate, which UTF-8 cannot carry.
 */
export function escapeName(name: string): string {
  if (PLAIN.test(name)) return name;
  if (!name.isWellFormed()) throw new InvalidArgumentError("a name with a lone surrogate cannot be escaped");
  let escaped = "";
  for (const byte of Buffer.from(name, "utf8")) {
    const character = String.fromCharCode(byte);
    escaped += byte < 0x80 && PLAIN.test(character) ? character : `=${byte.toString(16).padStart(2, "0")}`;
  }
  return escaped;
}

/**
 * The name that {@link escapeName} was given.
 * @returns undefined for what it never gives: other characters, an escape that was not needed, bytes that are not UTF-8.
 */
export function unescapeName(escaped: string): string | undefined {
  if (PLAIN.test(escaped)) return escaped;
  if (!ESCAPED.test(escaped)) return undefined;
  const bytes: number[] = [];
  for (let i = 0; i < escaped.length; i++) {
    if (escaped[i] === "=") {
      bytes.push(Number.parseInt(escaped.slice(i + 1, i + 3), 16));
      i += 2;
    } else {
      bytes.push(escaped.charCodeAt(i));
    }
  }
  const name = Buffer.from(bytes).toString("utf8");
  return escapeName(name) === escaped ? name : undefined;
}

/** How a name is fitted into a backend's limit. */
export interface HashNameOptions {
  /** The longest result in bytes. At least 32. */
  readonly maxBytes: number;
  /** True where the backend does not tell upper from lower case: a name with upper case letters is hashed as well. @default false */
  readonly caseless?: boolean;
}

/**
 * The escaped name where it fits `maxBytes`, else a readable head of it, `~`, and 24 characters of its SHA-256 (120 bits).
 *
 * Whole names are compared, so two that share a head stay apart; `~` is in no escaped name, so a hashed one is never
 * another's plain form. It cannot be reversed. In ASCII: one byte a character.
 * @throws InvalidArgumentError for `maxBytes` below 32, or a name with a lone surrogate.
 */
export function hashName(name: string, options: HashNameOptions): string {
  const { maxBytes, caseless = false } = options;
  if (!(maxBytes >= 32)) throw new InvalidArgumentError(`hashName: maxBytes must be >= 32, got ${maxBytes}`);
  const escaped = escapeName(name);
  if (escaped.length <= maxBytes && !(caseless && /[A-Z]/.test(escaped))) return escaped;
  const hash = base32(createHash("sha256").update(name, "utf8").digest().subarray(0, 15));
  const room = Math.floor(maxBytes) - 1 - hash.length;
  const head = escaped.slice(0, room).replace(/=[0-9a-f]?$/, ""); // half an escape reads as nothing
  return `${caseless ? head.toLowerCase() : head}~${hash}`;
}

const PLAIN = /^[A-Za-z0-9_-]*$/;
const ESCAPED = /^(?:[A-Za-z0-9_-]|=[0-9a-f]{2})*$/;

/** Lower case letters and digits: 8 characters for each 5 bytes. */
function base32(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 5) {
    let group = 0n;
    for (const byte of bytes.subarray(i, i + 5)) group = (group << 8n) | BigInt(byte);
    text += group.toString(32).padStart(8, "0");
  }
  return text;
}
