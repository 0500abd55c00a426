/**
 * What a peer did wrong. `signature`: it speaks no ZMTP 3; `version`: an older one; `mechanism`: another security mechanism;
 * `handshake`: its greeting's commands are malformed or out of place; `socket-type`: of a kind that ours does not talk to; `frame`,
 * `command`: malformed; `too-large`: beyond a bound; `refused`: it said ERROR.
 */
export type ZmtpErrorCode =
  | "signature"
  | "version"
  | "mechanism"
  | "handshake"
  | "socket-type"
  | "frame"
  | "command"
  | "too-large"
  | "refused";

/** The only error that a peer's bytes can raise. The connection they came over is of no more use. */
export class ZmtpError extends Error {
  override readonly name = "ZmtpError";
  readonly code: ZmtpErrorCode;

  constructor(code: ZmtpErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
