export type SocketType = "DEALER" | "ROUTER";

/** RFC 28, and the valid pairs of RFC 37. */
export const TALKS_TO: Readonly<Record<SocketType, readonly string[]>> = {
  DEALER: ["REP", "DEALER", "ROUTER"],
  ROUTER: ["REQ", "DEALER", "ROUTER"],
};
