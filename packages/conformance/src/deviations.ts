import type { Deviation } from "./harness.js";
import type { CaseResult } from "./report.js";

/** Deviations are for known failures; these groups admit none: who may see a message, and what a manifest says. */
const NO_DEVIATIONS = /^(MAN|ISO|SEC)-/;

/**
 * That a list of deviations can be kept: each names a case that there is, once, with a reason, a place and a day.
 * @throws Error naming every one that does not.
 */
export function checkDeviations(deviations: readonly Deviation[], caseIds: ReadonlySet<string>): void {
  const seen = new Set<string>();
  const problems = deviations.flatMap(({ caseId, reason, url, expires }) => {
    const found: string[] = [];
    if (!caseIds.has(caseId)) found.push("there is no such case");
    if (seen.has(caseId)) found.push("it is listed twice");
    seen.add(caseId);
    if (reason.trim() === "") found.push("no reason");
    if (url.trim() === "") found.push("no url where it is written down");
    if (!isDay(expires)) found.push(`expires is no date as 2030-01-31: ${JSON.stringify(expires)}`);
    return found.length === 0 ? [] : [`${caseId}: ${found.join(", ")}`];
  });
  if (problems.length > 0) throw new Error(`deviations of the harness: ${problems.join("; ")}`);
}

/** What a known failure makes of a result: it must still fail, until its day is over. */
export function withDeviation(result: CaseResult, deviation: Deviation | undefined): CaseResult {
  if (deviation === undefined) return result;
  const told = `${deviation.reason} (${deviation.url})`;
  if (NO_DEVIATIONS.test(result.id)) {
    return { ...result, verdict: "fail", detail: `no deviation is admitted here: ${told}` };
  }
  if (!(Date.parse(deviation.expires) > Date.now())) {
    return { ...result, verdict: "fail", detail: `the deviation expired on ${deviation.expires}: ${told}` };
  }
  if (result.verdict === "not-applicable" || result.verdict === "unproven") return result;
  if (result.verdict === "pass") return { ...result, verdict: "fail", detail: `passes although it deviates: ${told}` };
  return { ...result, verdict: "deviation", detail: `${told}; until ${deviation.expires}; ${result.detail ?? ""}` };
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(text) && !Number.isNaN(Date.parse(text));
}
