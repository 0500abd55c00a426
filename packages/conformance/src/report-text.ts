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

/** How a report is shown on a terminal. */
export interface TextOptions {
  /** @default true where stdout is a terminal and `NO_COLOR` is not set */
  readonly isColored?: boolean;
}

/** For a terminal: a row per clause (of a part of the kit, per clause with a case in it), then every case that did not simply pass, then one line of counts. */
export function reportText(report: Report, options: TextOptions = {}): string {
  const paint = painter(options.isColored ?? wantsColor());
  const clauses = clausesShown(report);
  const rows = clauses.map((clause) => [clause.id, wordOf(clause), countOf(clause), clause.title]);
  const [head = "", ...lines] = grid(["clause", "verdict", "cases", "what it says"], rows);
  const text = [
    `${report.subject}: conformance kit ${report.kit}, node ${report.node} (${report.platform}), seed ${report.seed}`,
    "",
    paint("dim", head),
    ...lines.map((line, index) => paint(COLORS[clauses[index]?.verdict ?? "not-covered"], line)),
  ];
  const told = report.cases.filter((result) => result.verdict !== "pass" && result.verdict !== "not-applicable");
  if (told.length > 0) text.push("");
  for (const result of told) {
    const isBad = result.verdict === "fail" || result.verdict === "vacuous";
    text.push(...describeCase(result).map((line) => paint(isBad ? "red" : "yellow", line)));
  }
  text.push("", paint(report.passed ? "green" : "red", summaryLine(report)));
  return text.join("\n");
}

type Color = "red" | "green" | "yellow" | "dim" | "plain";

const COLORS: Readonly<Record<ClauseVerdict, Color>> = {
  held: "plain",
  refused: "plain",
  broken: "red",
  unproven: "yellow",
  "not-covered": "dim",
};

const CODES: Readonly<Record<Exclude<Color, "plain">, string>> = { red: "31", green: "32", yellow: "33", dim: "2" };

function painter(isColored: boolean): (color: Color, text: string) => string {
  return (color, text) => (!isColored || color === "plain" ? text : `\u001b[${CODES[color]}m${text}\u001b[0m`);
}

/** https://no-color.org: any value but the empty one switches colours off. */
function wantsColor(): boolean {
  return process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}

/** One line: `122 pass, 0 fail, … in 12.3 s: level core`. */
export function summaryLine(report: Report): string {
  const counts = Object.entries(report.counts)
    .filter(([verdict, count]) => count > 0 || verdict === "pass" || verdict === "fail")
    .map(([verdict, count]) => `${count} ${verdict}`);
  return `${counts.join(", ")} in ${(report.ms / 1000).toFixed(1)} s: ${verdictOf(report)}`;
}

function verdictOf({ passed, isCutShort, isPartial, level }: Report): string {
  if (passed) return isPartial ? "passed, as a part of the kit" : `level ${level}`;
  return isCutShort ? "CUT SHORT" : "FAILED";
}

/** The whole report, for machines. */
export function reportJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** For a page: the clauses and the cases as two tables. */
export function reportMarkdown(report: Report): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replace(/\|/g, "\\|").replace(/\n/g, " ")).join(" | ")} |`;
  return [
    `# Conformance of \`${report.subject}\``,
    "",
    `Kit ${report.kit}, node ${report.node} on ${report.platform}, seed ${report.seed}. ${summaryLine(report)}.`,
    "",
    "## By clause",
    "",
    row(["clause", "verdict", "cases", "what it says"]),
    row(["---", "---", "---", "---"]),
    ...clausesShown(report).map((clause) => row([clause.id, wordOf(clause), countOf(clause), clause.title])),
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

/** Of a part of the kit only the clauses that it is about. */
function clausesShown(report: Report): readonly ClauseResult[] {
  if (!report.isPartial) return report.clauses;
  const touched = new Set(report.cases.flatMap((result) => result.clauses));
  return report.clauses.filter((clause) => touched.has(clause.id));
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
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
