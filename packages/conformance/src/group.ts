/** The groups of the catalogue, in its order. */
export const GROUPS = [
  "rpc.call",
  "rpc.cast",
  "rpc.fanout",
  "addressing",
  "errors",
  "timeouts",
  "ordering",
  "concurrency",
  "payloads",
  "context",
  "lifecycle",
  "notifications",
  "pools",
  "batches",
  "requeue",
  "processes",
  "faults",
  "stress",
  "security",
  "manifest",
  "review",
] as const;

/** One group of the catalogue. */
export type Group = (typeof GROUPS)[number];
