/** Keys for tests: fixed, so that what is sealed with them can be written down. */
import { decodeCurveKey, encodeZ85, publicKeyOf } from "../../src/security/curve-key.js";
import type { KeyPair } from "../../src/zmtp/crypto/sodium.js";

export function pairOf(fill: number): KeyPair {
  const secretKey = Buffer.alloc(32, fill);
  return { secretKey, publicKey: publicKeyOf(secretKey) };
}

/** The same as text, as options and libzmq take them. */
export function textsOf(pair: KeyPair): { readonly publicKey: string; readonly secretKey: string } {
  return { publicKey: encodeZ85(pair.publicKey), secretKey: encodeZ85(pair.secretKey) };
}

export function keyOfText(text: string): Buffer {
  const key = decodeCurveKey(text);
  if (key === undefined) throw new Error("no key");
  return key;
}

export const SERVER: KeyPair = pairOf(1);
export const CLIENT: KeyPair = pairOf(2);
export const STRANGER: KeyPair = pairOf(3);

/**
 * Public keys that everybody has the same secret with (https://cr.yp.to/ecdh.html#validate): 0, 1, the two of order 8, p - 1, and
 * p and p + 1, which are other ways to write 0 and 1.
 */
export const LOW_ORDER: readonly Buffer[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Buffer.from(hex, "hex"));
