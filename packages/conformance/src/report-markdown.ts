import { CLAUSES } from "./clauses.js";
import { LEVELS } from "./level.js";
import type { CaseResult, Report } from "./report.js";
import {
  CASE_WORDS,
  clausesShown,
  countOf,
  levelLine,
  secondsOf,
  stretchOf,
  summaryLine,
  verdictOf,
  versionsOf,
  wordOf,
} from "./report-words.js";

/** For a page: of one driver its clauses and its cases; of several a table of drivers, and both beside each other. */
export function reportMarkdown(report: Report | readonly Report[]): string {
  return isOne(report) ? pageOfOne(report) : pageOfMany(report);
}

function isOne(report: Report | readonly Report[]): report is Report {
  return !Array.isArray(report);
}

function pageOfOne(report: Report): string {
  return [
    `# Conformance of \`${report.subject}\``,
    "",
    `${about(report)} ${summaryLine(report)}.`,
    "",
    "## By level",
    "",
    ...table(
      ["level", "verdict", "passed", "failed", "unproven", "not run"],
      report.levels.map((one) => [
        one.level,
        one.verdict,
        String(one.passed),
        one.failures.join(" "),
        one.unproven.join(" "),
        String(one.missing),
      ]),
    ),
    ...deviationsOf([report]),
    "## By clause",
    "",
    ...table(
      ["clause", "verdict", "cases", "what it says"],
      clausesShown(report).map((clause) => [clause.id, wordOf(clause), countOf(clause), clause.title]),
    ),
    "## By case",
    "",
    ...table(
      ["case", "clauses", "verdict", "evidence", "seed", "ms", "what"],
      report.cases.map((result) => [
        result.id,
        result.clauses.join(" "),
        CASE_WORDS[result.verdict],
        String(result.evidence),
        String(result.seed),
        result.ms.toFixed(0),
        result.detail === undefined ? result.title : `${result.title}: ${result.detail}`,
      ]),
    ),
  ].join("\n");
}

function pageOfMany(reports: readonly Report[]): string {
  const subjects = reports.map(({ subject }) => `\`${subject}\``);
  const shown = new Set(reports.flatMap((report) => clausesShown(report).map(({ id }) => id)));
  const titles = new Map(reports.flatMap(({ cases }) => cases.map((one) => [one.id, one.title] as const)));
  const cell = (report: Report, id: string): string => {
    const clause = report.clauses.find((one) => one.id === id);
    return clause === undefined ? "" : `${wordOf(clause)}, ${clause.cases}`;
  };
  const verdicts = reports.map(({ cases }) => new Map(cases.map((one) => [one.id, CASE_WORDS[one.verdict]])));
  return [
    "# Conformance",
    "",
    ...table(
      ["driver", "verdict", ...LEVELS, "pass", "fail", "unproven", "n/a", "seed", "time"],
      reports.map((report) => [
        `\`${report.subject}\``,
        verdictOf(report),
        ...report.levels.map(({ verdict }) => verdict),
        ...[report.counts.pass, report.counts.fail + report.counts.vacuous + report.counts.deviation].map(String),
        ...[report.counts.unproven, report.counts["not-applicable"], report.seed].map(String),
        secondsOf(report.ms),
      ]),
    ),
    ...reports.flatMap((report) => [`- \`${report.subject}\`: ${about(report)}`]),
    "",
    ...deviationsOf(reports),
    "## By clause",
    "",
    ...table(
      ["clause", "what it says", ...subjects],
      CLAUSES.filter(({ id }) => shown.has(id)).map(({ id, title }) => [
        id,
        title,
        ...reports.map((report) => cell(report, id)),
      ]),
    ),
    ...troubleOf(reports),
    "## By case",
    "",
    ...table(
      ["case", "what", ...subjects],
      [...titles].map(([id, title]) => [id, title, ...verdicts.map((of) => of.get(id) ?? "not run")]),
    ),
  ].join("\n");
}

function about(report: Report): string {
  const versions = versionsOf(report);
  const tested = versions === "" ? "" : `${versions}; `;
  const when = report.startedAt.slice(0, 16).replace("T", " ");
  const strict = report.isStrict ? ", strict" : "";
  return `${tested}kit ${report.kit}, node ${report.node} on ${report.platform}, seed ${report.seed}${stretchOf(report)}${strict}, ${when} UTC. ${levelLine(report)}.`;
}

function deviationsOf(reports: readonly Report[]): string[] {
  const rows = reports.flatMap(({ subject, deviations }) =>
    deviations.map(({ caseId, reason, url, expires }) => [`\`${subject}\``, caseId, reason, url, expires]),
  );
  if (rows.length === 0) return [];
  return ["## Deviations", "", ...table(["driver", "case", "reason", "where", "until"], rows)];
}

/** What somebody must look at, in full. */
function troubleOf(reports: readonly Report[]): string[] {
  const isTrouble = ({ verdict }: CaseResult): boolean => verdict !== "pass" && verdict !== "not-applicable";
  const rows = reports.flatMap(({ subject, cases }) =>
    cases
      .filter(isTrouble)
      .map((one) => [`\`${subject}\``, one.id, CASE_WORDS[one.verdict], String(one.seed), one.detail ?? ""]),
  );
  if (rows.length === 0) return [];
  return ["## What did not pass", "", ...table(["driver", "case", "verdict", "seed", "why"], rows)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replace(/\|/g, "\\|").replace(/\n/g, " ")).join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...rows.map(row), ""];
}
