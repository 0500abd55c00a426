import { encodeCommand, encodeError, readProperties } from "../commands.js";
import { ZmtpError } from "../zmtp-error.js";
import type { Mechanism, MechanismMaker, MechanismSession } from "./mechanism.js";

/** What ZAP and libzmq call it where somebody is not let in (RFC 27). */
export const DENIED = "400";
const MAX_PART_BYTES = 255;

/** At most 255 bytes each. */
export interface PlainCredentials {
  readonly user: Buffer;
  readonly password: Buffer;
}

/** The dialer's side of RFC 24. */
export function plainClient(credentials: PlainCredentials): MechanismMaker {
  return { name: "PLAIN", make: () => new PlainClient(credentials) };
}

/** The listener's side of RFC 24. @param isAllowed takes as long whoever asks, and keeps neither buffer. */
export function plainServer(isAllowed: (user: Buffer, password: Buffer) => boolean): MechanismMaker {
  return { name: "PLAIN", make: () => new PlainServer(isAllowed) };
}

class PlainClient implements Mechanism {
  readonly name = "PLAIN";
  readonly asServer = false;
  readonly traffic = undefined;
  readonly #credentials: PlainCredentials;
  #session: MechanismSession | undefined;
  #awaits: "WELCOME" | "READY" = "WELCOME";

  constructor(credentials: PlainCredentials) {
    this.#credentials = credentials;
  }

  get isBeingJudged(): boolean {
    return this.#awaits === "WELCOME";
  }

  start(session: MechanismSession): void {
    this.#session = session;
    const { user, password } = this.#credentials;
    const parts = [Buffer.of(user.length), user, Buffer.of(password.length), password];
    session.transmit(encodeCommand("HELLO", Buffer.concat(parts)));
  }

  onCommand(name: string, data: Buffer): boolean {
    if (name !== this.#awaits) throw new ZmtpError("handshake", `it sent another command before ${this.#awaits}`);
    if (name === "READY") {
      this.#session?.meet(readProperties(data));
      return true;
    }
    if (data.length > 0) throw new ZmtpError("handshake", "its WELCOME is malformed");
    this.#awaits = "READY";
    this.#session?.transmit(encodeCommand("INITIATE", this.#session.metadata));
    return false;
  }

  end(): void {}
}

class PlainServer implements Mechanism {
  readonly name = "PLAIN";
  readonly asServer = true;
  readonly traffic = undefined;
  readonly isBeingJudged = false;
  readonly #isAllowed: (user: Buffer, password: Buffer) => boolean;
  #session: MechanismSession | undefined;
  #awaits: "HELLO" | "INITIATE" = "HELLO";

  constructor(isAllowed: (user: Buffer, password: Buffer) => boolean) {
    this.#isAllowed = isAllowed;
  }

  start(session: MechanismSession): void {
    this.#session = session;
  }

  onCommand(name: string, data: Buffer): boolean {
    if (name !== this.#awaits) throw new ZmtpError("handshake", `it sent another command before ${this.#awaits}`);
    if (name === "HELLO") this.#onHello(data);
    else {
      this.#session?.meet(readProperties(data));
      this.#session?.transmit(encodeCommand("READY", this.#session.metadata));
    }
    return name === "INITIATE";
  }

  #onHello(data: Buffer): void {
    const passwordAt = 1 + (data[0] ?? MAX_PART_BYTES);
    const end = passwordAt + 1 + (data[passwordAt] ?? MAX_PART_BYTES);
    if (end !== data.length) throw new ZmtpError("handshake", "its HELLO is malformed");
    if (!this.#isAllowed(data.subarray(1, passwordAt), data.subarray(passwordAt + 1))) {
      this.#session?.transmit(encodeError(DENIED));
      throw new ZmtpError("denied", "its user or password is wrong");
    }
    this.#awaits = "INITIATE";
    this.#session?.transmit(encodeCommand("WELCOME", Buffer.alloc(0)));
  }

  end(): void {}
}
