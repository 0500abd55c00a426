import { CAPABILITY_KEYS, type Capabilities } from "@trunkline/core";
import { CLAUSES } from "./clauses.js";
import type { LevelResult, LevelVerdict } from "./level.js";
import type { ClauseResult, ClauseVerdict, Report } from "./report.js";
import { CASE_SIGNS, CLAUSE_SIGNS, cellOf, escaped, panelOf } from "./report-html-panels.js";
import { SCRIPT, STYLE } from "./report-html-style.js";
import { CLAUSE_WORDS, claimText, clausesShown, secondsOf, stretchOf, verdictOf, versionsOf } from "./report-words.js";

/** The parts of `docs/semantics.md`, by the letter of their clauses. */
const PARTS: Readonly<Record<string, string>> = {
  A: "Addressing",
  B: "RPC",
  C: "Notifications",
  D: "Context and payload",
  E: "Life cycle",
  F: "Security and input",
  G: "Errors",
  H: "The manifest",
  I: "Defaults",
};

/**
 * One page that needs nothing beside itself: drivers beside each other, a row for each clause. Each cell has a sign and a
 * colour, and opens its cases with verdict, evidence, seed, time and message. For one driver or several.
 */
export function reportHtml(report: Report | readonly Report[]): string {
  // Of a readonly array, Array.isArray does not tell the type.
  const reports = (Array.isArray(report) ? report : [report]) as readonly Report[];
  const shown = new Set(reports.flatMap((one) => clausesShown(one).map(({ id }) => id)));
  const clauses = CLAUSES.filter(({ id }) => shown.has(id));
  const title =
    reports.length === 1 ? `Conformance of ${reports[0]?.subject}` : `Conformance of ${reports.length} drivers`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<style>
${STYLE}
</style>
</head>
<body>
<div class="top"><div><h1>${escaped(title)}</h1><p class="soft">${aboutRun(reports)}</p></div>
<button type="button" class="plain" id="theme">light / dark</button></div>
${driversTable(reports)}
${deviationsTable(reports)}
<h2>Clause by clause</h2>
<p>A cell shows what the clause came to and how many cases ran; it opens them. ${legend()}</p>
<div class="tools"><input type="search" id="search" placeholder="clause, word or case" aria-label="show the clauses that have"><label><input type="checkbox" id="open"> only what was not held everywhere</label><span class="soft" id="shown" role="status"></span></div>
<div class="scroll"><table class="matrix">
<thead><tr><th scope="col">clause</th>${reports.map(({ subject }) => `<th scope="col">${escaped(subject)}</th>`).join("")}</tr></thead>
<tbody>
${clauses.map(({ id }, index) => rowOf(reports, id, clauses[index - 1]?.id)).join("\n")}
</tbody>
</table></div>
<h2>Claimed and kept</h2>
<p>What each driver's manifest claims, and whether cases that ran have proven it: ${keptLegend()}. An amount stands for itself.</p>
${claimsTable(reports)}
${clauses.flatMap(({ id }) => reports.map((one, column) => panelOf(one, column, clauseOf(one, id)))).join("\n")}
<script>
${SCRIPT}
</script>
</body>
</html>
`;
}

function aboutRun(reports: readonly Report[]): string {
  const kits = reports.map((one) => `kit ${one.kit}, node ${one.node} on ${one.platform}`);
  const when = reports.map(({ startedAt }) => startedAt).toSorted()[0] ?? "";
  return escaped(`${[...new Set(kits)].join("; ")}; ${when.slice(0, 16).replace("T", " ")} UTC`);
}

const LEVEL_SIGNS: Readonly<Record<LevelVerdict, string>> = {
  reached: "✓",
  failed: "✗",
  unproven: "?",
  "not-run": "○",
  "not-applicable": "–",
};

function driversTable(reports: readonly Report[]): string {
  const rows = reports.map((report) => {
    const { counts } = report;
    const failed = counts.fail + counts.vacuous + counts.deviation;
    const numbers = [counts.pass, failed, counts.unproven, counts["not-applicable"], report.seed];
    return `<tr><th scope="row">${escaped(report.subject)}<br><small>${escaped(versionsOf(report))}</small></th>
<td><span class="chip ${report.passed ? "pass" : "fail"}">${report.passed ? "✓" : "✗"} ${escaped(verdictOf(report))}</span>${report.isStrict ? " <small>strict</small>" : ""}<small>${escaped(stretchOf(report))}</small></td>
<td>${report.levels.map(levelChip).join(" ")}</td>
${numbers.map((number) => `<td class="num">${number}</td>`).join("")}<td class="num">${secondsOf(report.ms)}</td></tr>`;
  });
  const head = ["driver", "verdict", "levels", "pass", "fail", "unproven", "n/a", "seed", "time"];
  return `<div class="scroll"><table class="drivers"><thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}

function levelChip({ level, verdict, passed, failures, unproven, missing }: LevelResult): string {
  const why = [
    `${passed} passed`,
    failures.length > 0 ? `failed: ${failures.join(" ")}` : "",
    unproven.length > 0 ? `unproven: ${unproven.join(" ")}` : "",
    missing > 0 ? `${missing} not run` : "",
  ].filter((part) => part !== "");
  const told = escaped(`${level} ${verdict}: ${why.join("; ")}`);
  return `<span class="chip ${verdict}" title="${told}">${LEVEL_SIGNS[verdict]} ${level}</span>`;
}

function deviationsTable(reports: readonly Report[]): string {
  const rows = reports.flatMap(({ subject, deviations }) =>
    deviations.map(({ caseId, reason, url, expires }) => [subject, caseId, reason, url, expires]),
  );
  if (rows.length === 0) return "";
  const cells = rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`);
  return `<h2>Known failures</h2><table><thead><tr><th>driver</th><th>case</th><th>reason</th><th>written down</th><th>until</th></tr></thead><tbody>${cells.join("")}</tbody></table>`;
}

function legend(): string {
  // The keys of a record over all verdicts.
  const verdicts = Object.keys(CLAUSE_SIGNS) as ClauseVerdict[];
  return verdicts
    .map((one) => `<span class="chip ${one}">${CLAUSE_SIGNS[one]} ${escaped(CLAUSE_WORDS[one])}</span>`)
    .join(" ");
}

function rowOf(reports: readonly Report[], id: string, before: string | undefined): string {
  const clauses = reports.map((report) => clauseOf(report, id));
  const letter = id.charAt(0);
  const isFirst = before?.charAt(0) !== letter;
  const part = isFirst
    ? `<tr class="part"><th scope="colgroup" colspan="${reports.length + 1}">${letter}. ${PARTS[letter] ?? ""}</th></tr>\n`
    : "";
  const title = clauses[0]?.title ?? "";
  const cases = new Set(
    reports.flatMap((one) => one.cases.filter((result) => result.clauses.includes(id)).map((result) => result.id)),
  );
  const isSettled = clauses.every(({ verdict }) => verdict === "held" || verdict === "refused");
  const find = escaped([id, title, ...cases].join(" ").toLowerCase());
  return `${part}<tr data-find="${find}" data-settled="${isSettled ? "yes" : "no"}"><th scope="row"><b>${id}</b> ${escaped(title)}</th>${reports.map((report, column) => cellOf(report, column, clauseOf(report, id))).join("")}</tr>`;
}

function clauseOf(report: Report, id: string): ClauseResult {
  const found = report.clauses.find((clause) => clause.id === id);
  const title = CLAUSES.find((clause) => clause.id === id)?.title ?? "";
  return found ?? { id, title, verdict: "not-covered", cases: 0, refusals: 0, because: [] };
}

/** What became of a claim: proven, broken, unproven; undefined where no case is about it. */
type Kept = "pass" | "fail" | "unproven";

function keptOf(report: Report, key: keyof Capabilities): Kept | undefined {
  const proofs = report.cases.filter(({ proves, kind }) => kind === "positive" && proves.includes(key));
  const verdicts = new Set(proofs.map(({ verdict }) => verdict));
  if (verdicts.has("fail") || verdicts.has("vacuous") || verdicts.has("deviation")) return "fail";
  if (verdicts.has("pass")) return "pass";
  return verdicts.has("unproven") ? "unproven" : undefined;
}

const KEPT_WORDS: Readonly<Record<Kept, string>> = { pass: "kept", fail: "not kept", unproven: "unproven" };

function keptLegend(): string {
  // The keys of a record over all of them.
  return (Object.keys(KEPT_WORDS) as Kept[])
    .map((one) => `<span class="mark ${one}">${CASE_SIGNS[one]}</span> ${KEPT_WORDS[one]}`)
    .join(", ");
}

function claimsTable(reports: readonly Report[]): string {
  const rows = CAPABILITY_KEYS.map((key) => {
    const cells = reports.map((report) => {
      const kept = report.claims[key] === false ? undefined : keptOf(report, key);
      const mark =
        kept === undefined ? "" : `<span class="mark ${kept}" title="${KEPT_WORDS[kept]}">${CASE_SIGNS[kept]}</span> `;
      return `<td>${mark}${escaped(claimText(report.claims[key]))}</td>`;
    });
    return `<tr><th scope="row"><code>${key}</code></th>${cells.join("")}</tr>`;
  });
  return `<div class="scroll"><table class="claims"><thead><tr><th scope="col">claim</th>${reports.map(({ subject }) => `<th scope="col">${escaped(subject)}</th>`).join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}
