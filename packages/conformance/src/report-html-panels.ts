import type { CaseResult, ClauseResult, ClauseVerdict, Report, Verdict } from "./report.js";
import { CASE_WORDS, CLAUSE_WORDS, countOf, repeatOf } from "./report-words.js";

/** A sign for each verdict of a clause: the page can be read without its colours. */
export const CLAUSE_SIGNS: Readonly<Record<ClauseVerdict, string>> = {
  held: "✓",
  refused: "⊘",
  broken: "✗",
  unproven: "?",
  "not-covered": "–",
};

/** A sign for each verdict of a case. */
export const CASE_SIGNS: Readonly<Record<Verdict, string>> = {
  pass: "✓",
  fail: "✗",
  vacuous: "∅",
  unproven: "?",
  deviation: "≠",
  "not-applicable": "–",
};

/** Text as HTML shows it, also within an attribute's quotes. */
export function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}

/** The id of the panel that a cell opens. */
export function panelId(column: number, clause: string): string {
  return `${clause}.${column + 1}`;
}

/** The cell of the matrix: a button that opens the panel. */
export function cellOf(report: Report, column: number, clause: ClauseResult): string {
  const word = CLAUSE_WORDS[clause.verdict];
  const label = escaped(`${clause.id}, ${report.subject}: ${word}, ${countOf(clause)} cases`);
  return `<td><button type="button" class="cell ${clause.verdict}" popovertarget="${panelId(column, clause.id)}" aria-label="${label}" title="${label}"><b>${CLAUSE_SIGNS[clause.verdict]}</b> ${clause.cases}</button></td>`;
}

/** What a cell opens: every case of one clause on one driver; those that need a look come first. */
export function panelOf(report: Report, column: number, clause: ClauseResult): string {
  const id = panelId(column, clause.id);
  const cases = report.cases
    .filter((result) => result.clauses.includes(clause.id))
    .toSorted((left, right) => ORDER.indexOf(left.verdict) - ORDER.indexOf(right.verdict));
  const none = "<p>This edition of the kit has no case for it.</p>";
  return `<section popover class="panel" id="${id}" aria-label="${escaped(`${clause.id} on ${report.subject}`)}">
<header><h3><span class="mark ${clause.verdict}">${CLAUSE_SIGNS[clause.verdict]}</span> ${clause.id} <small>on ${escaped(report.subject)}</small></h3>
<button type="button" class="close" popovertarget="${id}" popovertargetaction="hide" aria-label="close">×</button></header>
<p class="lead">${escaped(clause.title)}: <strong>${escaped(CLAUSE_WORDS[clause.verdict])}</strong>, ${countOf(clause)} cases</p>
${cases.length === 0 ? none : cases.map((result) => caseOf(report, result)).join("\n")}
</section>`;
}

const ORDER: readonly Verdict[] = ["fail", "vacuous", "deviation", "unproven", "pass", "not-applicable"];

function caseOf(report: Report, result: CaseResult): string {
  const { verdict } = result;
  const head = `<h4><span class="mark ${verdict}">${CASE_SIGNS[verdict]}</span> ${result.id} <small>${CASE_WORDS[verdict]}${result.isHung === true ? ", hung" : ""}</small></h4>`;
  const title = `<p>${escaped(result.title)}</p>`;
  // What did not run has nothing to count.
  if (verdict === "not-applicable" || verdict === "unproven") {
    const why = result.detail === undefined ? "" : `<p class="why">${escaped(result.detail)}</p>`;
    return `<article class="case">${head}${title}${why}</article>`;
  }
  const facts = [
    `evidence ${result.evidence}`,
    `seed ${result.seed}`,
    `${result.ms.toFixed(0)} ms`,
    result.kind,
    result.level,
  ];
  const message = result.detail === undefined ? "" : `<pre>${escaped(result.detail)}</pre>`;
  const notes = result.notes.map((note) => `<p class="why">${escaped(note)}</p>`).join("");
  const repeat =
    verdict === "pass" ? "" : `<p class="why">again: <code>${escaped(repeatOf(report, result))}</code></p>`;
  return `<article class="case">${head}${title}<p class="facts">${facts.map((fact) => `<span>${fact}</span>`).join(" ")}</p>${message}${notes}${repeat}</article>`;
}
