import type { Capabilities } from "@trunkline/core";
import type { ConformanceCase } from "./case.js";
import { CLAUSES } from "./clauses.js";
import type { Group } from "./group.js";
import type { ConformanceHarness, Deviation } from "./harness.js";
import { highestLevel, judgeLevels, type Level, type LevelResult } from "./level.js";

/**
 * `vacuous`: nothing was observed. `unproven`: the harness lacks what the proof needs. `deviation`: a known failure, still
 * failing. `not-applicable`: the manifest says otherwise.
 */
export type Verdict = "pass" | "fail" | "vacuous" | "unproven" | "deviation" | "not-applicable";

/** What became of one case. */
export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly group: Group;
  readonly level: Level;
  readonly clauses: readonly string[];
  /** `refusal`: proves that an unclaimed capability is refused. */
  readonly kind: "positive" | "refusal";
  /** The manifest's keys that a pass proves. */
  readonly proves: readonly string[];
  readonly verdict: Verdict;
  /** How many handlings, replies and errors were observed. */
  readonly evidence: number;
  readonly seed: number;
  readonly ms: number;
  /** What went wrong, or why it did not run. */
  readonly detail?: string;
  /** The case ended at its own deadline. */
  readonly isHung?: boolean;
  readonly notes: readonly string[];
}

/**
 * `held`: proven. `refused`: what the manifest does not claim of it was refused as announced. `broken`: a case failed.
 * `unproven`: it applies, and the harness could not prove it. `not-covered`: this edition of the kit has no case that applies.
 */
export type ClauseVerdict = "held" | "refused" | "broken" | "unproven" | "not-covered";

/** What the cases of one clause came to. */
export interface ClauseResult {
  readonly id: string;
  readonly title: string;
  readonly verdict: ClauseVerdict;
  /** Cases that ran for this clause, refusals among them. */
  readonly cases: number;
  readonly refusals: number;
  /** Ids of the cases that decided a `broken` or `unproven`. */
  readonly because: readonly string[];
}

/** What a run came to: plain data, which JSON carries. */
export interface Report {
  readonly kit: string;
  readonly node: string;
  readonly platform: string;
  /** The harness's name: a URL without credentials, or a driver's name. */
  readonly subject: string;
  /** Names and versions of what was under test, as the harness says. */
  readonly versions: Readonly<Record<string, string>>;
  /** What the driver was held to: what it says, and over that what the harness pins. */
  readonly claims: Capabilities;
  readonly deviations: readonly Deviation[];
  readonly seed: number;
  /** How many times longer upper bounds were, at most, because the machine was busy with other things too; 1: it was not. */
  readonly stretch: number;
  readonly isStrict: boolean;
  readonly startedAt: string;
  readonly ms: number;
  readonly passed: boolean;
  /** The run was ended before its last case; it has not passed. */
  readonly isCutShort: boolean;
  /** Some of the kit's cases were not asked for: it may have passed, and reaches no level. */
  readonly isPartial: boolean;
  /** The highest that was reached with all below it; `none` where `core` was not. */
  readonly level: Level | "none";
  /** Each level by itself, the lowest first. */
  readonly levels: readonly LevelResult[];
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly clauses: readonly ClauseResult[];
  readonly cases: readonly CaseResult[];
}

/** The kit's own version, as its package says. */
export const KIT_VERSION = "0.1.0";

export interface ReportInput {
  readonly harness: ConformanceHarness;
  readonly versions: Readonly<Record<string, string>>;
  readonly claims: Capabilities;
  readonly seed: number;
  readonly stretch: number;
  readonly isStrict: boolean;
  /** Every case that there is: what was not run of them keeps a level from being reached. */
  readonly known: readonly ConformanceCase[];
  readonly startedAt: Date;
  readonly ms: number;
  readonly results: readonly CaseResult[];
  readonly isFailure: (result: CaseResult) => boolean;
  readonly isCutShort: boolean;
  readonly isPartial: boolean;
}

export function buildReport(input: ReportInput): Report {
  const counts = { pass: 0, fail: 0, vacuous: 0, unproven: 0, deviation: 0, "not-applicable": 0 };
  for (const result of input.results) counts[result.verdict]++;
  const levels = judgeLevels(input.results, input.known, input.isStrict);
  const passed = input.results.length > 0 && !input.isCutShort && !input.results.some(input.isFailure);
  return {
    kit: KIT_VERSION,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    subject: input.harness.name,
    versions: input.versions,
    claims: input.claims,
    deviations: input.harness.deviations ?? [],
    seed: input.seed,
    stretch: Math.round(input.stretch * 10) / 10,
    isStrict: input.isStrict,
    startedAt: input.startedAt.toISOString(),
    ms: Math.round(input.ms),
    passed,
    isCutShort: input.isCutShort,
    isPartial: input.isPartial,
    level: highestLevel(levels),
    levels,
    counts,
    clauses: CLAUSES.map((clause) => judgeClause(clause.id, clause.title, input.results)),
    cases: [...input.results],
  };
}

function judgeClause(id: string, title: string, results: readonly CaseResult[]): ClauseResult {
  const mine = results.filter((result) => result.clauses.includes(id));
  const ran = mine.filter((result) => result.verdict !== "not-applicable" && result.verdict !== "unproven");
  const refusals = ran.filter((result) => result.kind === "refusal").length;
  const ids = (wanted: readonly Verdict[]): string[] =>
    mine.filter((result) => wanted.includes(result.verdict)).map((result) => result.id);
  const base = { id, title, cases: ran.length, refusals };
  const broken = ids(["fail", "vacuous", "deviation"]);
  if (broken.length > 0) return { ...base, verdict: "broken", because: broken };
  if (ran.length > refusals) return { ...base, verdict: "held", because: [] };
  if (refusals > 0) return { ...base, verdict: "refused", because: [] };
  const unproven = ids(["unproven"]);
  return { ...base, verdict: unproven.length > 0 ? "unproven" : "not-covered", because: unproven };
}
