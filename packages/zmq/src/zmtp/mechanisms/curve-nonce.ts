import { NONCE_BYTES } from "../crypto/sodium.js";
import { ZmtpError } from "../zmtp-error.js";

export const SHORT_NONCE_BYTES = 8;
export const LONG_NONCE_BYTES = 16;
const PREFIX_BYTES = 16;
const WORD = 2 ** 32;

/** The nonce of a box that permanent keys are in: its name, and 16 random bytes. */
export function longNonce(name: "WELCOME-" | "COOKIE--" | "VOUCH---", random: Buffer): Buffer {
  return Buffer.concat([Buffer.from(name, "latin1"), random]);
}

/** What this side counts its commands by, from 1. One for a connection: no nonce is used twice with the keys of that. */
export class NonceCounter {
  #count = 0;

  /** Writes the nonce to `nonce`, behind `prefix` of 16 characters. */
  next(prefix: string, nonce: Buffer): void {
    this.#count += 1;
    // 2^53 commands are more than any connection lives to send; a nonce that comes twice would show what was sealed with it.
    if (!Number.isSafeInteger(this.#count)) throw new RangeError("a connection has sent 2^53 commands");
    nonce.write(prefix, 0, "latin1");
    nonce.writeUInt32BE(Math.floor(this.#count / WORD), PREFIX_BYTES);
    nonce.writeUInt32BE(this.#count % WORD, PREFIX_BYTES + 4);
  }
}

/**
 * What the other side counts its commands by. Each is the one after that before: what is left out is noticed as what comes again.
 *
 * RFC 26 asks for "correctly incrementing" numbers; libzmq itself counts by one.
 */
export class NonceCheck {
  #last: number | undefined;

  /**
   * Writes the nonce that a command says at `at` to `nonce`, behind `prefix` of 16 characters.
   * @throws ZmtpError
   */
  take(prefix: string, command: Buffer, at: number, nonce: Buffer): void {
    const count = command.readUInt32BE(at) * WORD + command.readUInt32BE(at + 4);
    // Beyond 2^53 the count after this one would be this one.
    const isNext = Number.isSafeInteger(count) && (this.#last === undefined || count === this.#last + 1);
    if (!isNext)
      throw new ZmtpError("nonce", "a command of it is out of its order: it was sent before, or some are missing");
    this.#last = count;
    nonce.write(prefix, 0, "latin1");
    command.copy(nonce, PREFIX_BYTES, at, at + SHORT_NONCE_BYTES);
  }
}

export function newNonce(): Buffer {
  return Buffer.alloc(NONCE_BYTES);
}
