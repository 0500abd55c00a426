import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";

export const CURVE_KEY_BYTES = 32;
/** RFC 32: the digits of Z85. */
const Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const BASE: number = Z85.length;
const Z85_CHARACTERS = 40;
const HEX_CHARACTERS = 64;
const GROUP_CHARACTERS = 5;
const GROUP_BYTES = 4;
/** RFC 8410: what stands before the 32 bytes of an X25519 secret key in PKCS #8. */
const PKCS8_PREFIX: Buffer = Buffer.from("302e020100300506032b656e04220420", "hex");

/** As {@link generateCurveKeyPair} gives them: 40 characters of Z85 each. */
export interface CurveKeyPair {
  /** For the lists of others. */
  readonly publicKey: string;
  /** For the one process, or the processes of one service, whose key this is. */
  readonly secretKey: string;
}

/**
 * A new pair of keys for `security=curve`, as text in Z85, which is how ZeroMQ writes keys. Synchronous; no library is needed.
 * @see https://rfc.zeromq.org/spec/32/
 */
export function generateCurveKeyPair(): CurveKeyPair {
  const { privateKey } = generateKeyPairSync("x25519");
  const secret = privateKey.export({ format: "der", type: "pkcs8" }).subarray(PKCS8_PREFIX.length);
  const pair = { publicKey: encodeZ85(publicKeyOf(secret)), secretKey: encodeZ85(secret) };
  secret.fill(0);
  return pair;
}

/** The public key of a secret one of 32 bytes. */
export function publicKeyOf(secretKey: Buffer): Buffer {
  const der = Buffer.concat([PKCS8_PREFIX, secretKey]);
  const { x } = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })).export({ format: "jwk" });
  der.fill(0);
  return Buffer.from(x ?? "", "base64url");
}

/** A key as text: 40 characters of Z85, or 64 hexadecimal digits. Undefined: it is neither. */
export function decodeCurveKey(text: string): Buffer | undefined {
  if (text.length === HEX_CHARACTERS && /^[0-9a-f]+$/i.test(text)) return Buffer.from(text, "hex");
  return text.length === Z85_CHARACTERS ? decodeZ85(text) : undefined;
}

export function encodeZ85(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += GROUP_BYTES) {
    let value = bytes.readUInt32BE(at);
    let group = "";
    for (let index = 0; index < GROUP_CHARACTERS; index++) {
      group = (Z85[value % BASE] ?? "") + group;
      value = Math.floor(value / BASE);
    }
    text += group;
  }
  return text;
}

function decodeZ85(text: string): Buffer | undefined {
  const bytes = Buffer.alloc((text.length / GROUP_CHARACTERS) * GROUP_BYTES);
  for (let at = 0; at < text.length; at += GROUP_CHARACTERS) {
    let value = 0;
    for (const character of text.slice(at, at + GROUP_CHARACTERS)) {
      const digit = Z85.indexOf(character);
      if (digit < 0) return undefined;
      value = value * BASE + digit;
    }
    if (value >= 2 ** 32) return undefined;
    bytes.writeUInt32BE(value, (at / GROUP_CHARACTERS) * GROUP_BYTES);
  }
  return bytes;
}
