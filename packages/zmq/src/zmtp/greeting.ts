import { ZmtpError } from "./zmtp-error.js";

/** RFC 37, "Greeting": signature (10), version (2), mechanism (20), as-server (1), filler (31). */
export const GREETING_BYTES = 64;
const SIGNATURE_END = 10;
const MAJOR_AT = 10;
const MINOR_AT = 11;
const MECHANISM_AT = 12;
const MECHANISM_BYTES = 20;
const MECHANISM_END: number = MECHANISM_AT + MECHANISM_BYTES;
const AS_SERVER_AT: number = MECHANISM_END;
const MAJOR = 3;
const HIGHEST_MINOR = 1;

/** The minor version of ZMTP 3. */
export type Minor = 0 | 1;

/** @param asServer told and never asked for: libzmq says that it is none, whatever it is. */
export function encodeGreeting(minor: Minor, mechanism: string, asServer: boolean): Buffer {
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[SIGNATURE_END - 1] = 0x7f;
  greeting[MAJOR_AT] = MAJOR;
  greeting[MINOR_AT] = minor;
  greeting.write(mechanism, MECHANISM_AT, "latin1");
  greeting[AS_SERVER_AT] = asServer ? 1 : 0;
  return greeting;
}

/** Reads a peer's greeting as it comes, and refuses it at the first byte that is wrong. */
export class GreetingReader {
  readonly #name: string;
  readonly #mechanism: Buffer;
  readonly #bytes: Buffer = Buffer.alloc(GREETING_BYTES);
  #have = 0;

  constructor(mechanism: string) {
    this.#name = mechanism;
    this.#mechanism = Buffer.alloc(MECHANISM_BYTES);
    this.#mechanism.write(mechanism, "latin1");
  }

  get isComplete(): boolean {
    return this.#have === GREETING_BYTES;
  }

  /** What the peer offered, at most what is known here. Only once it is complete. */
  get minor(): Minor {
    return (this.#bytes[MINOR_AT] ?? 0) >= HIGHEST_MINOR ? HIGHEST_MINOR : 0;
  }

  /**
   * Takes what belongs to the greeting, and returns how many bytes that were.
   * @throws ZmtpError
   */
  push(chunk: Buffer): number {
    const taken = chunk.copy(this.#bytes, this.#have, 0, Math.min(chunk.length, GREETING_BYTES - this.#have));
    for (const end = this.#have + taken; this.#have < end; this.#have += 1) this.#check(this.#have);
    return taken;
  }

  /** A byte at a time, so that the outcome does not depend on how the bytes were cut. */
  #check(at: number): void {
    const byte = this.#bytes[at] ?? 0;
    if ((at === 0 && byte !== 0xff) || (at === SIGNATURE_END - 1 && byte !== 0x7f)) {
      throw new ZmtpError("signature", "its first bytes are not those of ZMTP 3");
    }
    if (at === MAJOR_AT && byte < MAJOR) throw new ZmtpError("version", `it speaks version ${byte} of ZMTP, not 3`);
    if (at === MECHANISM_END - 1) this.#checkMechanism();
  }

  #checkMechanism(): void {
    const said = this.#bytes.subarray(MECHANISM_AT, MECHANISM_END);
    if (said.equals(this.#mechanism)) return;
    const name = /^[A-Z]+/.exec(said.toString("latin1"))?.[0] ?? "an unknown one";
    throw new ZmtpError("mechanism", `its security mechanism is ${name}, and that of this side is ${this.#name}`);
  }
}
