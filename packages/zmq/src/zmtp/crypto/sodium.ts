/** The sizes that CurveZMQ is made of (RFC 26, "Commands"). */
export const KEY_BYTES = 32;
export const NONCE_BYTES = 24;
/** A box is so much longer than what is in it: its Poly1305 tag, in front. */
export const TAG_BYTES = 16;

export interface KeyPair {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

/**
 * The cryptography of CURVE: X25519, and boxes of XSalsa20 and Poly1305, as NaCl's `crypto_box` has them.
 *
 * A library behind one interface: nothing here is calculated by this package but what {@link ./hsalsa20.ts} says.
 */
export interface Sodium {
  readonly name: "sodium-native" | "libsodium-wrappers";
  keyPair(): KeyPair;
  publicKeyOf(secretKey: Uint8Array): Buffer;
  /** What two key pairs have in common, `crypto_box_beforenm`. Undefined: the public key is of low order, and everybody has that in common with it. */
  sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Buffer | undefined;
  /** Writes the box of `message` to `box`, which is {@link TAG_BYTES} longer. They may overlap where `message` is the end of `box`. */
  seal(box: Buffer, message: Buffer, nonce: Buffer, sharedKey: Buffer): void;
  /** Writes what is in the box to `message`. False: it was not made with this key and nonce, or was changed; `message` is then of no use. */
  open(message: Buffer, box: Buffer, nonce: Buffer, sharedKey: Buffer): boolean;
  random(byteLength: number): Buffer;
  /** Overwrites a secret, in a way that no optimizer takes out where the library can. */
  wipe(...secrets: readonly (Buffer | undefined)[]): void;
}
