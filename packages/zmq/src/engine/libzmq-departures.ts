import { randomBytes } from "node:crypto";
import type { Router } from "zeromq";

/** ZMQ_DISCONNECT_MSG, an option of libzmq's draft interface, which the published binaries have. */
const DISCONNECT_MSG = 111;

/** The option setter that zeromq keeps from TypeScript. */
interface RawOptions {
  setStringOption(option: number, value: Buffer): void;
}

/** Returns what will be received from a peer when it is gone, or undefined where libzmq was built without that option. */
export function announceDepartures(socket: Router): Buffer | undefined {
  const departure = randomBytes(16);
  try {
    // The setter exists on every socket; zeromq hides it from TypeScript because its options have names.
    (socket as unknown as RawOptions).setStringOption(DISCONNECT_MSG, departure);
    return departure;
  } catch {
    // An unknown option: silence and refused replies have to do.
    return undefined;
  }
}
