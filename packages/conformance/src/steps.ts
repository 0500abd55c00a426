import type { ConformanceCase } from "./case.js";
import type { Group } from "./group.js";

/**
 * The groups in the order in which a driver is written: what a group needs is in those before it. A run `inSteps` takes
 * them in this order and ends with the first that has a failure; `docs/writing-a-driver.md` follows it.
 */
export const STEPS: readonly Group[] = Object.freeze([
  "manifest",
  "rpc.call",
  "rpc.cast",
  "addressing",
  "errors",
  "payloads",
  "context",
  "timeouts",
  "lifecycle",
  "concurrency",
  "ordering",
  "rpc.fanout",
  "notifications",
  "pools",
  "batches",
  "requeue",
  "processes",
  "security",
  "faults",
  "stress",
  "review",
]);

/** `cases` by step; within a step as they were. */
export function bySteps(cases: readonly ConformanceCase[]): readonly ConformanceCase[] {
  return cases.toSorted((left, right) => STEPS.indexOf(left.group) - STEPS.indexOf(right.group));
}
