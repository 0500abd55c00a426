import { type Sodium, TAG_BYTES } from "../crypto/sodium.js";
import { headerBytes, writeHeader } from "../frames.js";
import { ZmtpError } from "../zmtp-error.js";
import { type NonceCheck, type NonceCounter, newNonce, SHORT_NONCE_BYTES } from "./curve-nonce.js";
import type { Traffic } from "./mechanism.js";

/** RFC 26, "The MESSAGE Command": its name with the length before it. */
const NAME: Buffer = Buffer.from("\x07MESSAGE", "latin1");
const BOX_AT: number = NAME.length + SHORT_NONCE_BYTES;
const FLAGS_AT: number = BOX_AT + TAG_BYTES;
const PAYLOAD_AT: number = FLAGS_AT + 1;

/** The flags inside the box. MORE is RFC 26's; COMMAND is libzmq's, and not the bit that a frame has for it. */
export const CURVE_MORE = 1;
export const CURVE_COMMAND = 2;
const KNOWN_CURVE_FLAGS: number = CURVE_MORE | CURVE_COMMAND;

const PREFIX = { client: "CurveZMQMESSAGEC", server: "CurveZMQMESSAGES" } as const;

/** Messages and commands of one connection, in boxes between the short-term keys of both sides. */
export class CurveTraffic implements Traffic {
  readonly overheadBytes: number = PAYLOAD_AT;
  readonly #sodium: Sodium;
  readonly #key: Buffer;
  readonly #sent: NonceCounter;
  readonly #received: NonceCheck;
  readonly #sentPrefix: string;
  readonly #receivedPrefix: string;
  readonly #sentNonce: Buffer = newNonce();
  readonly #receivedNonce: Buffer = newNonce();
  #isOver = false;

  /** @param key what the short-term keys have in common; this object's from now on. */
  constructor(sodium: Sodium, side: "client" | "server", key: Buffer, sent: NonceCounter, received: NonceCheck) {
    this.#sodium = sodium;
    this.#key = key;
    this.#sent = sent;
    this.#received = received;
    this.#sentPrefix = PREFIX[side];
    this.#receivedPrefix = PREFIX[side === "client" ? "server" : "client"];
  }

  seal(flags: number, payload: Uint8Array, into: Buffer, at: number): number {
    // Sealed with what is left of the key it would be readable to all.
    if (this.#isOver) throw new Error("the connection's key was wiped");
    const bytes = PAYLOAD_AT + payload.byteLength;
    // As libzmq has it: a frame of a message, although RFC 26 calls what is in it a command.
    const bodyAt = writeHeader(into, at, 0, bytes);
    const body = into.subarray(bodyAt, bodyAt + bytes);
    NAME.copy(body);
    this.#sent.next(this.#sentPrefix, this.#sentNonce);
    this.#sentNonce.copy(body, NAME.length, this.#sentNonce.length - SHORT_NONCE_BYTES);
    body[FLAGS_AT] = flags;
    body.set(payload, PAYLOAD_AT);
    this.#sodium.seal(body.subarray(BOX_AT), body.subarray(FLAGS_AT), this.#sentNonce, this.#key);
    return bodyAt + bytes;
  }

  open(frame: Buffer): { readonly flags: number; readonly payload: Buffer } {
    if (frame.length < PAYLOAD_AT || !frame.subarray(0, NAME.length).equals(NAME)) {
      throw new ZmtpError("frame", "a frame of it is no MESSAGE of CURVE");
    }
    if (this.#isOver) throw new ZmtpError("crypto", "the connection's key was wiped");
    this.#received.take(this.#receivedPrefix, frame, NAME.length, this.#receivedNonce);
    const opened = Buffer.allocUnsafe(frame.length - FLAGS_AT);
    if (!this.#sodium.open(opened, frame.subarray(BOX_AT), this.#receivedNonce, this.#key)) {
      throw new ZmtpError("crypto", "a MESSAGE of it cannot be opened: it was forged, or changed on its way");
    }
    const flags = opened[0] ?? 0;
    if ((flags & ~KNOWN_CURVE_FLAGS) !== 0 || flags === KNOWN_CURVE_FLAGS) {
      throw new ZmtpError("frame", `a MESSAGE of CURVE begins with 0x${flags.toString(16)}`);
    }
    return { flags, payload: opened.subarray(1) };
  }

  end(): void {
    this.#isOver = true;
    this.#sodium.wipe(this.#key);
  }
}

/** How long a frame is, with its header, that carries so many bytes. */
export function sealedBytes(traffic: Traffic, payloadBytes: number): number {
  const bytes = traffic.overheadBytes + payloadBytes;
  return headerBytes(bytes) + bytes;
}
