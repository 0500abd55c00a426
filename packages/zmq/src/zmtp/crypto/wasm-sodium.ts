import { randomBytes } from "node:crypto";
import type * as Wrappers from "libsodium-wrappers";
import type { KeyPair, Sodium } from "./sodium.js";

/** What is used of the package, once it is ready. */
export type WasmLibrary = Pick<
  typeof Wrappers,
  | "crypto_box_keypair"
  | "crypto_scalarmult_base"
  | "crypto_box_beforenm"
  | "crypto_secretbox_easy"
  | "crypto_secretbox_open_easy"
>;

/** Over libsodium in WebAssembly, by the package libsodium-wrappers: no add-on, and slower with long messages. */
export class WasmSodium implements Sodium {
  readonly name = "libsodium-wrappers";
  readonly #sodium: WasmLibrary;

  constructor(sodium: WasmLibrary) {
    this.#sodium = sodium;
  }

  keyPair(): KeyPair {
    const { publicKey, privateKey } = this.#sodium.crypto_box_keypair();
    return { publicKey: view(publicKey), secretKey: view(privateKey) };
  }

  publicKeyOf(secretKey: Uint8Array): Buffer {
    return view(this.#sodium.crypto_scalarmult_base(secretKey));
  }

  sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Buffer | undefined {
    try {
      return view(this.#sodium.crypto_box_beforenm(publicKey, secretKey));
    } catch {
      // Of arguments of the right length it refuses no other.
      return undefined;
    }
  }

  seal(box: Buffer, message: Buffer, nonce: Buffer, sharedKey: Buffer): void {
    box.set(this.#sodium.crypto_secretbox_easy(message, nonce, sharedKey));
  }

  open(message: Buffer, box: Buffer, nonce: Buffer, sharedKey: Buffer): boolean {
    try {
      message.set(this.#sodium.crypto_secretbox_open_easy(box, nonce, sharedKey));
      return true;
    } catch {
      return false;
    }
  }

  random(byteLength: number): Buffer {
    return randomBytes(byteLength);
  }

  /** What this process holds. The copies that WebAssembly had in its memory are freed, and not overwritten there. */
  wipe(...secrets: readonly (Buffer | undefined)[]): void {
    for (const secret of secrets) secret?.fill(0);
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
