import type { Acceptance, BooleanCapability, Capabilities } from "@trunkline/core";
import type { CaseContext } from "./context.js";
import type { Group } from "./group.js";

/** What the harness, not the driver, can do: a case that needs one that is missing is `unproven`. */
export type Ability =
  /** The harness isolates spaces from each other by more than random names. */
  | "spaces"
  /** Child processes can open the same transport. */
  | "workers"
  /** The harness can name an address at which nobody answers. */
  | "dead-address"
  /** The harness can open transports with wrong and with awkward credentials. */
  | "credentials"
  /** The harness can open transports over TLS, rightly and wrongly. */
  | "tls"
  /** The harness can say how often the two sides of a connection must hear of each other. */
  | "heartbeat"
  /** The kit can stand between the driver and its broker, or between two peers, and cut the link. */
  | "relay"
  /** There is one place to which an opening connects, before which a relay can stand. */
  | "endpoint"
  /** The kit may kill, freeze and start the broker. */
  | "broker"
  /** The harness can delete a backend's queues behind the driver's back. */
  | "queues"
  /** The harness can lose every link of a backend for a moment. */
  | "cuts"
  /** The harness can put somebody on the driver's wire who does not keep to its rules. */
  | "stranger"
  /** The harness can say which connections, consumers and queues a backend has. */
  | "inspect";

/** Without a broker these are no question, unless the harness has them all the same. */
const OF_BROKERS: readonly Ability[] = ["relay", "endpoint", "broker", "queues", "heartbeat", "inspect"];

/** What a manifest may claim: a boolean that holds, or the word that a graded key has. */
export type Claim =
  | BooleanCapability
  | `ordering=${Capabilities["ordering"]}`
  | `undeliverable=${Capabilities["undeliverable"]}`
  | `peerDeath=${Capabilities["peerDeath"]}`
  | `backpressure=${Capabilities["backpressure"]}`
  | `eventContext=${Capabilities["eventContext"]}`
  | `acceptance.casts=${Acceptance}`
  | `acceptance.events=${Acceptance}`;

/**
 * What must be so for a case to run, as text: a claim (`fanout`, `ordering=per-target`), one that the manifest does not make
 * (`!fanout`, `!ordering=per-target`: a refusal case), or an ability of the harness (`ability:workers`).
 */
export type Need = Claim | `!${Claim}` | `ability:${Ability}`;

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
  /** Looks at what the cases before it saw; its context has their results and errors. @default false */
  readonly isReview?: boolean;
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
    const [key = need] = need.split(/[=.]/);
    keys.add(key);
  }
  return [...keys];
}

/** Why a case cannot run: the driver's manifest (`not-applicable`) or the harness (`unproven`) lacks what it needs. */
export interface Unmet {
  readonly verdict: "not-applicable" | "unproven";
  readonly reason: string;
}

/** The first need of `test` that is not met, or undefined. The manifest's word goes before the harness's abilities. */
export function unmetNeed(
  test: ConformanceCase,
  claims: Capabilities,
  abilities: ReadonlySet<Ability>,
  isBrokerless: boolean,
): Unmet | undefined {
  for (const need of test.needs) {
    if (need.startsWith("ability:")) continue;
    const isUnwanted = need.startsWith("!");
    const claim = isUnwanted ? need.slice(1) : need;
    if (isClaimed(claims, claim) === isUnwanted) {
      const verb = isUnwanted ? "claims" : "does not claim";
      return { verdict: "not-applicable", reason: `the manifest ${verb} ${claim}` };
    }
  }
  for (const need of test.needs) {
    if (!need.startsWith("ability:")) continue;
    // The template type of Need leaves nothing else after this prefix.
    const ability = need.slice("ability:".length) as Ability;
    if (isBrokerless && OF_BROKERS.includes(ability) && !abilities.has(ability)) {
      return { verdict: "not-applicable", reason: "there is no broker between peers" };
    }
    if (ability === "cuts" && !abilities.has(ability)) {
      return {
        verdict: "not-applicable",
        reason: "the harness loses no links by itself; those of a broker are cut by a relay",
      };
    }
    if (ability === "stranger" && !claims.crossProcess && !abilities.has(ability)) {
      return { verdict: "not-applicable", reason: "nothing leaves the process, so that no stranger can speak to it" };
    }
    if (!abilities.has(ability)) return { verdict: "unproven", reason: `the harness lacks ${ability}` };
  }
  return undefined;
}

function isClaimed(claims: Capabilities, claim: string): boolean {
  const [path = "", word] = claim.split("=");
  let value: unknown = claims;
  for (const key of path.split(".")) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }
  return word === undefined ? value === true : value === word;
}
