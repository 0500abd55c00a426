import { AuthError } from "@trunkline/core/driver";
import type { LinkEnd } from "./engine.js";

/** What is added where a handshake broke off and nobody said why. */
export const MAY_BE_DENIED =
  "; it may not be who is trusted here, or not let this process in: compare its keys or passwords with those of this side";

/** Counted where somebody was not let in, whoever moves the bytes. */
export const NOT_LET_IN = "a connection that is not let in: its user, password or key is none that is allowed";

export const NO_KEY = "no key of a server is trusted at that address; add it to serverKeys";

/** The end of a link that one of its sides does not want. */
export function denial(peer: string, detail: string): LinkEnd {
  return { reason: "denied", detail, error: new AuthError(`cannot connect to ${peer}: ${detail}`) };
}
