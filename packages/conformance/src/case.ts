import type { BooleanCapability, Capabilities } from "@trunkline/core";
import type { CaseContext } from "./context.js";

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
  "manifest",
] as const;

export type Group = (typeof GROUPS)[number];

/** What the harness, not the driver, can do: a case that needs one that is missing is `unproven`. */
export type Ability =
  /** The harness isolates spaces from each other by more than random names. */
  | "spaces"
  /** Child processes can open the same transport. */
  | "workers"
  /** The harness can name an address at which nobody answers. */
  | "dead-address";

/**
 * What must be so for a case to run, as text: a claimed boolean (`fanout`), one that is not claimed (`!fanout`: a refusal
 * case), a graded claim (`ordering=per-target`), or an ability of the harness (`ability:workers`).
 */
export type Need =
  | BooleanCapability
  | `!${BooleanCapability}`
  | `ordering=${Capabilities["ordering"]}`
  | `undeliverable=${Capabilities["undeliverable"]}`
  | `backpressure=${Capabilities["backpressure"]}`
  | `ability:${Ability}`;

/** One promise of the semantics, proven or refused. Plain data and one function. */
export interface ConformanceCase {
  /** Never reused, never renumbered. */
  readonly id: string;
  /** What is given, done and seen, in one line. */
  readonly title: string;
  readonly group: Group;
  /** The clauses of `docs/semantics.md` that the case proves. */
  readonly clauses: readonly string[];
  readonly needs: readonly Need[];
  /** The manifest's keys that a pass of this case proves, beyond the booleans in `needs`. */
  readonly proves?: readonly (keyof Capabilities)[];
  /** The case's own deadline in milliseconds, before `timing.scale`. @default 20_000 */
  readonly timeoutMs?: number;
  /** Passes without anything to observe, because what it reads is data. @default false */
  readonly needsNoEvidence?: boolean;
  run(context: CaseContext): Promise<void>;
}

/** True where the case proves that an unclaimed capability is refused. */
export function isRefusal(test: ConformanceCase): boolean {
  return test.needs.some((need) => need.startsWith("!"));
}

/** The manifest's keys whose claim a pass of the case proves. */
export function provenKeys(test: ConformanceCase): readonly string[] {
  const keys = new Set<string>(test.proves ?? []);
  for (const need of test.needs) {
    if (need.startsWith("!") || need.startsWith("ability:")) continue;
    keys.add(need.split("=")[0] ?? need);
  }
  return [...keys];
}

/** Why a case cannot run: the driver's manifest (`not-applicable`) or the harness (`unproven`) lacks what it needs. */
export interface Unmet {
  readonly verdict: "not-applicable" | "unproven";
  readonly reason: string;
}

export function unmetNeed(
  test: ConformanceCase,
  claims: Capabilities,
  abilities: ReadonlySet<Ability>,
): Unmet | undefined {
  const manifest: Readonly<Record<string, unknown>> = { ...claims };
  for (const need of test.needs) {
    if (need.startsWith("ability:")) continue;
    if (need.startsWith("!")) {
      const key = need.slice(1);
      if (manifest[key] !== false) return { verdict: "not-applicable", reason: `the manifest claims ${key}` };
    } else if (need.includes("=")) {
      const [key = "", value] = need.split("=");
      if (manifest[key] !== value) {
        return { verdict: "not-applicable", reason: `the manifest says ${key} ${String(manifest[key])}, not ${value}` };
      }
    } else if (manifest[need] !== true) {
      return { verdict: "not-applicable", reason: `the manifest does not claim ${need}` };
    }
  }
  for (const need of test.needs) {
    if (!need.startsWith("ability:")) continue;
    // The template type of Need leaves nothing else after this prefix.
    const ability = need.slice("ability:".length) as Ability;
    if (!abilities.has(ability)) return { verdict: "unproven", reason: `the harness lacks ${ability}` };
  }
  return undefined;
}
