import { encodeCommand, readProperties } from "../commands.js";
import { ZmtpError } from "../zmtp-error.js";
import type { Mechanism, MechanismMaker, MechanismSession } from "./mechanism.js";

/** Everybody is let in: each side says READY (RFC 23, "The NULL Security Mechanism"). */
class NullMechanism implements Mechanism {
  readonly name = "NULL";
  readonly asServer = false;
  readonly traffic = undefined;
  readonly isBeingJudged = false;
  #session: MechanismSession | undefined;

  start(session: MechanismSession): void {
    this.#session = session;
    session.transmit(encodeCommand("READY", session.metadata));
  }

  onCommand(name: string, data: Buffer): boolean {
    if (name !== "READY") throw new ZmtpError("handshake", "it sent another command before READY");
    this.#session?.meet(readProperties(data));
    return true;
  }

  end(): void {}
}

export const NULL_MECHANISM: MechanismMaker = { name: "NULL", make: () => new NullMechanism() };
