import type { Properties } from "../commands.js";
import { ZmtpError } from "../zmtp-error.js";

/** What libzmq and ZAP (RFC 27) say where it is not that this side may not come in, and what sessions of this package say then. */
const NOT_FOR_GOOD: readonly string[] = ["300", "500", "Invalid socket type"];

/** What a mechanism has of its session. */
export interface MechanismSession {
  /** Whole frames, for the other side. */
  transmit(frame: Buffer): void;
  /** What this side says of itself, as READY and INITIATE carry it. */
  readonly metadata: Buffer;
  /** What the other side said of itself. @throws ZmtpError where its socket is none that ours talks to. */
  meet(properties: Properties): void;
}

/** Makes each message and command of a connection unreadable to others, once its handshake is done. */
export interface Traffic {
  /** A frame is longer than what it carries by so much, without its header. */
  readonly overheadBytes: number;
  /** Writes a whole frame, header and all, that carries `payload`, and returns where it ends. Frames are sent in the order sealed. */
  seal(flags: number, payload: Uint8Array, into: Buffer, at: number): number;
  /**
   * What a frame carries: its flags, and a payload in bytes of its own.
   * @throws ZmtpError: it is forged, changed, out of its order or malformed.
   */
  open(frame: Buffer): { readonly flags: number; readonly payload: Buffer };
}

/** One side's part of one connection's handshake (RFC 23, "Security Mechanisms"). */
export interface Mechanism {
  /** As the greeting names it. */
  readonly name: "NULL" | "PLAIN" | "CURVE";
  /** Of the two sides the one that lets the other in. NULL knows none. */
  readonly asServer: boolean;
  /** What frames are sealed with once it is done; undefined: they go as they are. */
  readonly traffic: Traffic | undefined;
  /** Both sides have greeted. */
  start(session: MechanismSession): void;
  /**
   * A command of the other side, no ERROR, before it was done. True: it is done, and messages may go both ways.
   * @throws ZmtpError
   */
  onCommand(name: string, data: Buffer): boolean;
  /** Whether an ERROR now says that the other side does not let this one in, whatever its text. */
  readonly isBeingJudged: boolean;
  /** Forgets its secrets. Idempotent. */
  end(): void;
}

/** A new one for each connection. */
export interface MechanismMaker {
  readonly name: Mechanism["name"];
  make(): Mechanism;
}

/** What an ERROR means that came in a handshake. Nobody has signed it: whoever can change the connection can say it. */
export function refusalOf(mechanism: Mechanism, reason: string): ZmtpError {
  const said = reason === "" ? "" : `: ${reason}`;
  if (!mechanism.isBeingJudged || NOT_FOR_GOOD.includes(reason)) {
    return new ZmtpError("refused", `it refused the connection${said}`);
  }
  const what = mechanism.name === "PLAIN" ? "the user or the password" : "the key";
  return new ZmtpError("denied", `it does not take ${what} of this side${said}`);
}
