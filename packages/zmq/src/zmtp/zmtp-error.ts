/**
 * What a peer did wrong. `signature`: it speaks no ZMTP 3; `version`: an older one; `mechanism`: another security mechanism;
 * `handshake`: its greeting's commands are malformed or out of place; `socket-type`: of a kind that ours does not talk to; `frame`,
 * `command`: malformed; `too-large`: beyond a bound; `refused`: it said ERROR; `denied`: one side does not let the other in, or is not
 * who the other trusts; `crypto`: what is sealed cannot be opened, or a key is nobody's; `nonce`: it came before, or some before it did not.
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
  | "refused"
  | "denied"
  | "crypto"
  | "nonce";

/** The only error that a peer's bytes can raise. The connection they came over is of no more use. */
export class ZmtpError extends Error {
  override readonly name = "ZmtpError";
  readonly code: ZmtpErrorCode;

  constructor(code: ZmtpErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
