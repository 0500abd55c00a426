import { expect, test } from "vitest";
import { NonceCheck, newNonce } from "../../src/zmtp/mechanisms/curve-nonce.js";
import { ZmtpError } from "../../src/zmtp/zmtp-error.js";

const PREFIX = "CurveZMQMESSAGEC";

function command(count: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(count);
  return bytes;
}

test("commands are taken in their order, and none twice", () => {
  const check = new NonceCheck();
  for (const count of [5n, 6n, 7n]) check.take(PREFIX, command(count), 0, newNonce());
  for (const count of [7n, 9n, 1n]) {
    expect(() => check.take(PREFIX, command(count), 0, newNonce())).toThrow(ZmtpError);
  }
});

test("where numbers end to be exact, no count is taken again and again", () => {
  const check = new NonceCheck();
  check.take(PREFIX, command(2n ** 53n - 1n), 0, newNonce());
  expect(() => check.take(PREFIX, command(2n ** 53n), 0, newNonce())).toThrow(ZmtpError);
});
