import type { CaseResult, ClauseResult, ClauseVerdict, Report, Verdict } from "./report.js";

const CLAUSE_WORDS: Readonly<Record<ClauseVerdict, string>> = {
  held: "held",
  refused: "refused as announced",
  broken: "BROKEN",
  unproven: "unproven",
  "not-covered": "not covered",
};

const CASE_WORDS: Readonly<Record<Verdict, string>> = {
  pass: "pass",
  fail: "FAIL",
  vacuous: "VACUOUS",
  unproven: "unproven",
  deviation: "deviation",
  "not-applicable": "n/a",
};

/** For a terminal: a row per clause, then every case that did not simply pass, then one line of counts. */
export function reportTable(report: Report): string {
  const lines = [
    `${report.subject}: conformance kit ${report.kit}, node ${report.node} (${report.platform}), seed ${report.seed}`,
    "",
    ...grid(
      ["clause", "verdict", "cases", "what it says"],
      report.clauses.map((clause) => [clause.id, wordOf(clause), countOf(clause), clause.title]),
    ),
  ];
  const told = report.cases.filter((result) => result.verdict !== "pass" && result.verdict !== "not-applicable");
  if (told.length > 0) lines.push("");
  for (const result of told) lines.push(...describeCase(result));
  lines.push("", summaryLine(report));
  return lines.join("\n");
}

/** One line: `122 pass, 0 fail, … in 12.3 s: level core`. */
export function summaryLine(report: Report): string {
  const counts = Object.entries(report.counts)
    .filter(([verdict, count]) => count > 0 || verdict === "pass" || verdict === "fail")
    .map(([verdict, count]) => `${count} ${verdict}`);
  const verdict = report.passed ? `level ${report.level}` : "FAILED";
  return `${counts.join(", ")} in ${(report.ms / 1000).toFixed(1)} s: ${verdict}`;
}

export function reportJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** For a page: the clauses and the cases as two tables. */
export function reportMarkdown(report: Report): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replace(/\|/g, "\\|").replace(/\n/g, " ")).join(" | ")} |`;
  return [
    `# Conformance of \`${report.subject}\``,
    "",
    `Kit ${report.kit}, node ${report.node} on ${report.platform}, seed ${report.seed}. ${summaryLine(report)}.`,
    "",
    "## By clause",
    "",
    row(["clause", "verdict", "cases", "what it says"]),
    row(["---", "---", "---", "---"]),
    ...report.clauses.map((clause) => row([clause.id, wordOf(clause), countOf(clause), clause.title])),
    "",
    "## By case",
    "",
    row(["case", "clauses", "verdict", "evidence", "ms", "what"]),
    row(["---", "---", "---", "---", "---", "---"]),
    ...report.cases.map((result) =>
      row([
        result.id,
        result.clauses.join(" "),
        CASE_WORDS[result.verdict],
        String(result.evidence),
        result.ms.toFixed(0),
        result.detail === undefined ? result.title : `${result.title}: ${result.detail}`,
      ]),
    ),
    "",
  ].join("\n");
}

function wordOf(clause: ClauseResult): string {
  const because = clause.because.length === 0 ? "" : ` (${clause.because.join(", ")})`;
  return `${CLAUSE_WORDS[clause.verdict]}${because}`;
}

function countOf(clause: ClauseResult): string {
  return clause.refusals === 0 ? String(clause.cases) : `${clause.cases} (${clause.refusals} refusals)`;
}

function describeCase(result: CaseResult): string[] {
  const lines = [`${CASE_WORDS[result.verdict]} ${result.id} [${result.clauses.join(" ")}] ${result.title}`];
  for (const line of (result.detail ?? "").split("\n")) if (line !== "") lines.push(`     ${line}`);
  if (result.verdict === "fail") lines.push(`     (seed of the case: ${result.seed})`);
  return lines;
}

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
}
