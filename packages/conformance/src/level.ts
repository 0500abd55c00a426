import type { Ability, ConformanceCase } from "./case.js";
import type { CaseResult, Verdict } from "./report.js";

/**
 * How much a driver has been put through, the least first. `core`: every case without faults. `resilient`: also links that
 * are cut, slow and deaf, queues that vanish, processes that are killed. `durable`: also a broker that dies, hangs and comes
 * back. `soaked`: also the stress cases.
 */
export const LEVELS = ["core", "resilient", "durable", "soaked"] as const;

/** One of {@link LEVELS}. */
export type Level = (typeof LEVELS)[number];

/**
 * `reached`: every case of it that applies has passed. `failed`: one did not, or deviates. `unproven`: the harness lacks what
 * the proof needs. `not-run`: cases of it were not part of the run. `not-applicable`: no case of it is about this driver.
 */
export type LevelVerdict = "reached" | "failed" | "unproven" | "not-run" | "not-applicable";

/** What the cases of one level came to, those of the levels below it left aside. */
export interface LevelResult {
  readonly level: Level;
  readonly verdict: LevelVerdict;
  /** How many of its cases passed. */
  readonly passed: number;
  /** Ids of the cases that failed or deviate. */
  readonly failures: readonly string[];
  /** Ids of the cases that could not be proven. */
  readonly unproven: readonly string[];
  /** How many of its cases were not part of the run. */
  readonly missing: number;
}

/** What the kit does to a backend, or to the way there. */
const FAULTS: readonly Ability[] = ["relay", "cuts", "queues", "heartbeat"];

/** The level that a case belongs to. */
export function levelOf(test: Pick<ConformanceCase, "id" | "group" | "needs">): Level {
  if (test.group === "stress") return "soaked";
  if (test.needs.includes("ability:broker")) return "durable";
  const isFault =
    test.id.startsWith("FLT-") ||
    test.group === "faults" ||
    FAULTS.some((ability) => test.needs.includes(`ability:${ability}`));
  return isFault ? "resilient" : "core";
}

/**
 * Judges each level by itself. `known` is every case of the kit: one without a result was not run. At `core` a case that
 * could not be proven stands beside the level, unless the run is strict; above it, it keeps the level from being reached.
 */
export function judgeLevels(
  results: readonly CaseResult[],
  known: readonly ConformanceCase[],
  isStrict: boolean,
): readonly LevelResult[] {
  const ran = new Set(results.map(({ id }) => id));
  return LEVELS.map((level) => {
    const mine = results.filter((result) => result.level === level);
    const ids = (...wanted: Verdict[]): string[] =>
      mine.filter(({ verdict }) => wanted.includes(verdict)).map(({ id }) => id);
    const base = {
      level,
      passed: ids("pass").length,
      failures: ids("fail", "vacuous", "deviation"),
      unproven: ids("unproven"),
      missing: new Set(known.filter((test) => levelOf(test) === level && !ran.has(test.id)).map(({ id }) => id)).size,
    };
    return { ...base, verdict: verdictOf(base, mine.length, isStrict) };
  });
}

function verdictOf(found: Omit<LevelResult, "verdict">, cases: number, isStrict: boolean): LevelVerdict {
  if (found.failures.length > 0) return "failed";
  if (found.missing > 0 || cases === 0) return "not-run";
  if (found.unproven.length > 0 && (isStrict || found.level !== "core" || found.passed === 0)) return "unproven";
  return found.passed > 0 ? "reached" : "not-applicable";
}

/** The highest level that was reached with all below it. One that does not apply to the driver is stepped over. */
export function highestLevel(levels: readonly LevelResult[]): Level | "none" {
  let highest: Level | "none" = "none";
  for (const { level, verdict } of levels) {
    if (verdict === "reached") highest = level;
    else if (verdict !== "not-applicable") break;
  }
  return highest;
}

/** The first level above the one that was reached, in words: why it was not. Undefined where there is none. */
export function whyNoHigher(levels: readonly LevelResult[]): string | undefined {
  const next = levels.find(({ verdict }) => verdict !== "reached" && verdict !== "not-applicable");
  if (next === undefined) return undefined;
  if (next.verdict === "failed") return `${next.level}: ${listed(next.failures)} failed`;
  if (next.verdict === "unproven") return `${next.level}: ${listed(next.unproven)} unproven`;
  return `${next.level}: ${next.missing === 0 ? "its" : next.missing} cases not run`;
}

/** A few, and how many more. */
function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).join(", ");
  return ids.length <= 5 ? shown : `${shown} and ${ids.length - 5} more`;
}
