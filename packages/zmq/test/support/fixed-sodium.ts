import type { KeyPair, Sodium } from "../../src/zmtp/crypto/sodium.js";
import { pairOf } from "./curve-keys.js";

/** One whose short-term keys and random bytes are always the same, so that a handshake can be written down. */
export function fixedSodium(real: Sodium): Sodium {
  return {
    name: real.name,
    // A new one each time: the mechanism wipes it.
    keyPair: (): KeyPair => pairOf(9),
    random: (byteLength) => Buffer.alloc(byteLength, 5),
    publicKeyOf: (secretKey) => real.publicKeyOf(secretKey),
    sharedKey: (publicKey, secretKey) => real.sharedKey(publicKey, secretKey),
    seal: (box, message, nonce, key) => real.seal(box, message, nonce, key),
    open: (message, box, nonce, key) => real.open(message, box, nonce, key),
    wipe: (...secrets) => real.wipe(...secrets),
  };
}
