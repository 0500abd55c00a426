import { expect, test } from "vitest";
import { curveKeyPair } from "zeromq";
import { decodeCurveKey, encodeZ85, generateCurveKeyPair, publicKeyOf } from "../../src/security/curve-key.js";

test("Z85 of RFC 32's own example", () => {
  const hello = Buffer.from("864fd26fb559f75b", "hex");
  expect(encodeZ85(hello)).toBe("HelloWorld");
});

test("libzmq's keys are read, written the same, and have the public key that it says", () => {
  for (let turn = 0; turn < 50; turn++) {
    const { publicKey, secretKey } = curveKeyPair();
    const secret = decodeCurveKey(secretKey);
    expect(secret).toHaveLength(32);
    expect(encodeZ85(secret ?? Buffer.alloc(0))).toBe(secretKey);
    expect(encodeZ85(publicKeyOf(secret ?? Buffer.alloc(0)))).toBe(publicKey);
  }
});

test("a new pair fits, and is another each time", () => {
  const one = generateCurveKeyPair();
  expect(one.secretKey).toHaveLength(40);
  expect(encodeZ85(publicKeyOf(decodeCurveKey(one.secretKey) ?? Buffer.alloc(0)))).toBe(one.publicKey);
  expect(generateCurveKeyPair().secretKey).not.toBe(one.secretKey);
});

test("a key may be hexadecimal", () => {
  expect(decodeCurveKey("0a".repeat(32))).toEqual(Buffer.alloc(32, 10));
  expect(decodeCurveKey("0A".repeat(32))).toEqual(Buffer.alloc(32, 10));
});

test.each([
  ["", 0],
  ["short", 5],
  ["x".repeat(41), 41],
  ["g".repeat(64), 64],
  [`${"0".repeat(39)},`, 40],
  ["#####".repeat(8), 40],
])("%s is no key", (text, length) => {
  expect(text).toHaveLength(length);
  expect(decodeCurveKey(text)).toBeUndefined();
});
