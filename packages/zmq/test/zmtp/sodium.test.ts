import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { NotSupportedError } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { publicKeyOf } from "../../src/security/curve-key.js";
import { hsalsa20Of } from "../../src/zmtp/crypto/hsalsa20.js";
import { loadSodium, SODIUM_LOADERS, type SodiumLoader } from "../../src/zmtp/crypto/load-sodium.js";
import { LOW_ORDER } from "../support/curve-keys.js";

const SIZES = [0, 1, 15, 16, 64, 1_000, 70_000];

describe.each([
  ["sodium-native", "libsodium-wrappers"],
  ["libsodium-wrappers", "sodium-native"],
] as const)("%s beside %s", async (name, otherName) => {
  const sodium = await SODIUM_LOADERS[name]();
  const other = await SODIUM_LOADERS[otherName]();

  test("is the one that was asked for", () => {
    expect(sodium.name).toBe(name);
  });

  test("makes keys that fit each other, by the other's reckoning and by Node's", () => {
    const one = sodium.keyPair();
    const two = other.keyPair();
    expect(other.publicKeyOf(one.secretKey)).toEqual(one.publicKey);
    expect(publicKeyOf(one.secretKey)).toEqual(one.publicKey);
    const shared = sodium.sharedKey(two.publicKey, one.secretKey);
    expect(shared).toEqual(other.sharedKey(one.publicKey, two.secretKey));
    expect(shared).toEqual(other.sharedKey(two.publicKey, one.secretKey));
    expect(sodium.keyPair().secretKey.equals(one.secretKey)).toBe(false);
  });

  test.each(SIZES)("opens what the other sealed, %i bytes of it, and nothing that was changed", (size) => {
    const [message, nonce, key] = [randomBytes(size), randomBytes(24), randomBytes(32)];
    const box = Buffer.alloc(16 + size);
    other.seal(box, message, nonce, key);
    const opened = Buffer.alloc(size);
    expect(sodium.open(opened, box, nonce, key)).toBe(true);
    expect(opened.equals(message)).toBe(true);
    expect(sodium.open(opened, box, randomBytes(24), key)).toBe(false);
    expect(sodium.open(opened, box, nonce, randomBytes(32))).toBe(false);
    for (const at of [0, 15, box.length - 1]) {
      const changed = Buffer.from(box);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      expect(sodium.open(opened, changed, nonce, key)).toBe(false);
    }
  });

  test("seals in place, as frames are", () => {
    const [message, nonce, key] = [randomBytes(500), randomBytes(24), randomBytes(32)];
    const [apart, inPlace] = [Buffer.alloc(516), Buffer.alloc(516)];
    sodium.seal(apart, message, nonce, key);
    message.copy(inPlace, 16);
    sodium.seal(inPlace, inPlace.subarray(16), nonce, key);
    expect(inPlace.equals(apart)).toBe(true);
  });

  test.each(LOW_ORDER.map((key) => [key.toString("hex"), key] as const))(
    "has nothing in common with %s",
    (_hex, key) => {
      expect(sodium.sharedKey(key, sodium.keyPair().secretKey)).toBeUndefined();
    },
  );

  test("wipes, and draws at random", () => {
    const secret = sodium.random(32);
    expect(secret.equals(sodium.random(32))).toBe(false);
    sodium.wipe(secret, undefined);
    expect(secret.equals(Buffer.alloc(32))).toBe(true);
  });
});

test("HSalsa20 of NaCl's own example: the first key of Alice and Bob (Bernstein, Cryptography in NaCl, section 8)", () => {
  const shared = Buffer.from("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", "hex");
  const block = Buffer.alloc(64);
  const native = createRequire(import.meta.url)("sodium-native") as {
    crypto_stream_salsa20(stream: Buffer, nonce: Buffer, key: Buffer): void;
  };
  native.crypto_stream_salsa20(block, Buffer.alloc(8), shared);
  expect(hsalsa20Of(block).toString("hex")).toBe("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
});

describe("loadSodium", () => {
  const absent: SodiumLoader = () => Promise.reject(new Error("Cannot find package"));

  test("takes the add-on where there is one, and WebAssembly else", async () => {
    expect((await loadSodium()).name).toBe("sodium-native");
    expect((await loadSodium({ ...SODIUM_LOADERS, "sodium-native": absent })).name).toBe("libsodium-wrappers");
  });

  test("says what to install where there is neither, and why each did not load", async () => {
    const error: unknown = await loadSodium({ "sodium-native": absent, "libsodium-wrappers": absent }).catch(
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(NotSupportedError);
    expect(error).toMatchObject({ code: "ERR_NOT_SUPPORTED", capability: "curve-library", driver: "zmq" });
    const { message, cause } = error as Error;
    expect(message).toContain("install sodium-native");
    expect(message).toContain("libsodium-wrappers");
    expect((cause as AggregateError).errors.map(String)).toEqual(Array(2).fill("Error: Cannot find package"));
  });
});
