import type { CaseResult, ClauseVerdict, Report } from "./report.js";
import { CASE_WORDS, clausesShown, countOf, stretchOf, summaryLine, versionsOf, wordOf } from "./report-words.js";

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
  const versions = versionsOf(report);
  const text = [
    `${report.subject}${versions === "" ? "" : ` (${versions})`}: conformance kit ${report.kit}, node ${report.node} (${report.platform}), seed ${report.seed}${stretchOf(report)}`,
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

/** The whole report, or a list of them, for machines. */
export function reportJson(report: Report | readonly Report[]): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
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
