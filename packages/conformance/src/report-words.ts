import { whyNoHigher } from "./level.js";
import type { CaseResult, ClauseResult, ClauseVerdict, Report, Verdict } from "./report.js";

/** What a clause came to, in words. */
export const CLAUSE_WORDS: Readonly<Record<ClauseVerdict, string>> = {
  held: "held",
  refused: "refused as announced",
  broken: "BROKEN",
  unproven: "unproven",
  "not-covered": "not covered",
};

/** What a case came to, in a word. */
export const CASE_WORDS: Readonly<Record<Verdict, string>> = {
  pass: "pass",
  fail: "FAIL",
  vacuous: "VACUOUS",
  unproven: "unproven",
  deviation: "deviation",
  "not-applicable": "n/a",
};

/** The verdict of a clause, with the cases that decided it where it was not held. */
export function wordOf(clause: ClauseResult): string {
  const because = clause.because.length === 0 ? "" : ` (${clause.because.join(", ")})`;
  return `${CLAUSE_WORDS[clause.verdict]}${because}`;
}

/** How many cases ran for a clause, and how many of them were refusals. */
export function countOf(clause: ClauseResult): string {
  return clause.refusals === 0 ? String(clause.cases) : `${clause.cases} (${clause.refusals} refusals)`;
}

/** Of a part of the kit only the clauses that it is about. */
export function clausesShown(report: Report): readonly ClauseResult[] {
  if (!report.isPartial) return report.clauses;
  const touched = new Set(report.cases.flatMap((result) => result.clauses));
  return report.clauses.filter((clause) => touched.has(clause.id));
}

/** One line: `122 pass, 0 fail, … in 12.3 s: level core (resilient: 9 cases not run)`. */
export function summaryLine(report: Report): string {
  const counts = Object.entries(report.counts)
    .filter(([verdict, count]) => count > 0 || verdict === "pass" || verdict === "fail")
    .map(([verdict, count]) => `${count} ${verdict}`);
  return `${counts.join(", ")} in ${secondsOf(report.ms)}: ${verdictOf(report)}`;
}

/** Whether the run passed, in words. */
export function verdictOf(report: Report): string {
  if (report.isCutShort) return "CUT SHORT";
  if (!report.passed) return `FAILED, ${levelLine(report)}`;
  return report.isPartial ? "passed, as a part of the kit" : levelLine(report);
}

/** The level, what stands beside it, and why it is not the next one. */
export function levelLine({ level, levels }: Report): string {
  const beside = levels.find((one) => one.level === "core" && one.verdict === "reached")?.unproven.length ?? 0;
  const notes = [beside > 0 ? `${beside} of core unproven` : "", whyNoHigher(levels) ?? ""].filter(
    (note) => note !== "",
  );
  return `level ${level}${notes.length === 0 ? "" : ` (${notes.join("; ")})`}`;
}

/** What was tested, by name and version, in one line; empty where the harness does not say. */
export function versionsOf(report: Report): string {
  return Object.entries(report.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

/** That bounds were stretched, to follow a seed; empty where they were not. */
export function stretchOf({ stretch }: Report): string {
  return stretch > 1 ? `, upper bounds up to ${stretch} times as long (a busy machine)` : "";
}

/** `12.3 s`. */
export function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** How to run one case again as it was. */
export function repeatOf(report: Report, result: CaseResult): string {
  return `--only '^${result.id}$' --seed ${report.seed}`;
}

/** The manifest's keys as text, in its own order. */
export function claimText(claim: unknown): string {
  if (typeof claim === "boolean") return claim ? "yes" : "no";
  if (typeof claim !== "object" || claim === null) return String(claim);
  return Object.entries(claim)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
}
