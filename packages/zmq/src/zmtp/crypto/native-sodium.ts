import { hsalsa20Of } from "./hsalsa20.js";
import { KEY_BYTES, type KeyPair, type Sodium } from "./sodium.js";

const BLOCK_BYTES = 64;
const STREAM_NONCE: Buffer = Buffer.alloc(8);

/** What is used of the package, which has no types of its own. */
export interface NativeLibrary {
  crypto_box_keypair(publicKey: Buffer, secretKey: Buffer): void;
  crypto_scalarmult_base(publicKey: Buffer, secretKey: Uint8Array): void;
  /** Throws where the outcome is zero. */
  crypto_scalarmult(shared: Buffer, secretKey: Uint8Array, publicKey: Uint8Array): void;
  crypto_stream_salsa20(stream: Buffer, nonce: Buffer, key: Buffer): void;
  crypto_secretbox_easy(box: Buffer, message: Buffer, nonce: Buffer, key: Buffer): void;
  crypto_secretbox_open_easy(message: Buffer, box: Buffer, nonce: Buffer, key: Buffer): boolean;
  randombytes_buf(into: Buffer): void;
  sodium_memzero(secret: Buffer): void;
}

/** Over libsodium itself, by the add-on of the package sodium-native. */
export class NativeSodium implements Sodium {
  readonly name = "sodium-native";
  readonly #sodium: NativeLibrary;

  constructor(sodium: NativeLibrary) {
    this.#sodium = sodium;
  }

  keyPair(): KeyPair {
    const pair = { publicKey: Buffer.alloc(KEY_BYTES), secretKey: Buffer.alloc(KEY_BYTES) };
    this.#sodium.crypto_box_keypair(pair.publicKey, pair.secretKey);
    return pair;
  }

  publicKeyOf(secretKey: Uint8Array): Buffer {
    const publicKey = Buffer.alloc(KEY_BYTES);
    this.#sodium.crypto_scalarmult_base(publicKey, secretKey);
    return publicKey;
  }

  sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Buffer | undefined {
    const point = Buffer.alloc(KEY_BYTES);
    const block = Buffer.alloc(BLOCK_BYTES);
    try {
      this.#sodium.crypto_scalarmult(point, secretKey, publicKey);
    } catch {
      // Of arguments of the right length it refuses no other.
      return undefined;
    }
    // The add-on has no crypto_box_beforenm: that is HSalsa20 of the point.
    this.#sodium.crypto_stream_salsa20(block, STREAM_NONCE, point);
    const key = hsalsa20Of(block);
    this.wipe(point, block);
    return key;
  }

  seal(box: Buffer, message: Buffer, nonce: Buffer, sharedKey: Buffer): void {
    this.#sodium.crypto_secretbox_easy(box, message, nonce, sharedKey);
  }

  open(message: Buffer, box: Buffer, nonce: Buffer, sharedKey: Buffer): boolean {
    return this.#sodium.crypto_secretbox_open_easy(message, box, nonce, sharedKey);
  }

  random(byteLength: number): Buffer {
    const bytes = Buffer.alloc(byteLength);
    this.#sodium.randombytes_buf(bytes);
    return bytes;
  }

  wipe(...secrets: readonly (Buffer | undefined)[]): void {
    for (const secret of secrets) if (secret !== undefined) this.#sodium.sodium_memzero(secret);
  }
}
