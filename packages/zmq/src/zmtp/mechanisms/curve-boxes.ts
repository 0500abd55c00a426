import { type Sodium, TAG_BYTES } from "../crypto/sodium.js";

/**
 * RFC 26, "High-level Grammar": where the fields of each command are, behind its name, in bytes. Keys have 32, short nonces 8, long
 * ones 16, and a box 16 more than what is in it.
 */
export const HELLO = {
  version: Buffer.of(1, 0) as Buffer,
  paddingAt: 2,
  clientAt: 74,
  nonceAt: 106,
  boxAt: 114,
  /** Zeros, so that nobody makes a server work who does not know its key. */
  signatureBytes: 64,
  bytes: 194,
} as const;

/** [nonce, Box [C' + s'](K)]. */
export const COOKIE = { boxAt: 16, bytes: 96 } as const;

/** [nonce, Box [S' + cookie](S->C')]. */
export const WELCOME = { boxAt: 16, bytes: 160 } as const;

/** [nonce, Box [C',S](C->S')]. */
export const VOUCH = { boxAt: 16, bytes: 96 } as const;

/** [cookie, nonce, Box [C + vouch + metadata](C'->S')]; the second three are places inside the box. */
export const INITIATE = {
  nonceAt: 96,
  boxAt: 104,
  vouchAt: 32,
  metadataAt: 128,
  leastBytes: 248,
} as const;

/** [nonce, Box [metadata](S'->C')]. */
export const READY = { boxAt: 8, leastBytes: 24 } as const;

export const PREFIX = {
  hello: "CurveZMQHELLO---",
  initiate: "CurveZMQINITIATE",
  ready: "CurveZMQREADY---",
} as const;

/** A box in bytes of its own. */
export function sealed(sodium: Sodium, message: Buffer, nonce: Buffer, sharedKey: Buffer): Buffer {
  const box = Buffer.alloc(TAG_BYTES + message.length);
  sodium.seal(box, message, nonce, sharedKey);
  return box;
}

/** What is in a box; undefined: it was made with other keys or another nonce, or was changed. */
export function opened(sodium: Sodium, box: Buffer, nonce: Buffer, sharedKey: Buffer): Buffer | undefined {
  const message = Buffer.alloc(box.length - TAG_BYTES);
  return sodium.open(message, box, nonce, sharedKey) ? message : undefined;
}
