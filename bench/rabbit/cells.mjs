/** What is measured of each system: an operation, how many of it are in flight at a time, and what is sent. */
export const CELLS = [
  ...[1, 16, 64, 256].map((inFlight) => ({
    name: `call@${inFlight}`,
    title: `${inFlight} call${inFlight === 1 ? "" : "s"}`,
    operation: "call",
    inFlight,
    payload: "small",
  })),
  { name: "cast@256", title: "256 casts", operation: "cast", inFlight: 256, payload: "small" },
];
