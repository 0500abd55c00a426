import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { CLAUSES } from "../src/clauses.js";
import { reportForFile } from "../src/report-file.js";
import { reportHtml } from "../src/report-html.js";
import { SCRIPT } from "../src/report-html-style.js";
import { reportMarkdown } from "../src/report-markdown.js";
import { caseNamed, reportOf, resultNamed } from "./support/handmade-reports.js";

const HOSTILE = `expected "a", got <img src=x onerror=alert(1)> & 'b'`;

const one = reportOf([
  resultNamed("CALL-01", "pass", { clauses: ["B1", "A2"], proves: ["rpc"], evidence: 41, seed: 4_242, ms: 17 }),
  resultNamed("CALL-02", "fail", { detail: HOSTILE, seed: 77 }),
  resultNamed("POOL-01", "unproven", { clauses: ["C3"], proves: ["pools"], detail: "the harness lacks workers" }),
  resultNamed("RQ-R1", "pass", { clauses: ["C4"], kind: "refusal" }),
  resultNamed("NOTE-09", "not-applicable", { clauses: ["C4"], detail: "the manifest does not claim redelivery" }),
]);
const other = { ...reportOf([resultNamed("CALL-01", "pass"), resultNamed("CALL-02", "pass")]), subject: "other://" };

/** The cell of a clause in a column, and the panel that it opens. */
function cell(html: string, column: number, clause: string): { readonly button: string; readonly panel: string } {
  const id = `${clause}.${column}`;
  const [button = ""] = html.match(new RegExp(`<td><button [^>]*popovertarget="${id}"[\\s\\S]*?</td>`)) ?? [];
  const [panel = ""] = html.match(new RegExp(`<section popover class="panel" id="${id}"[\\s\\S]*?</section>`)) ?? [];
  return { button, panel };
}

test("a cell has a class, a sign and a label, and opens a panel of its own", () => {
  const html = reportHtml([one, other]);
  const { button } = cell(html, 1, "B1");
  expect(button).toContain('class="cell broken"');
  expect(button).toContain("<b>✗</b> 2");
  expect(button).toContain('aria-label="B1, hand://made: BROKEN, 2 cases"');
  expect(cell(html, 2, "B1").button).toMatch(/class="cell held"[\s\S]*<b>✓<\/b> 2/);
  expect(cell(html, 1, "A2").button).toContain("<b>✓</b> 1");
  expect(cell(html, 1, "C3").button).toMatch(/class="cell unproven"[\s\S]*<b>\?<\/b> 0/);
  expect(cell(html, 1, "C4").button).toMatch(/class="cell refused"[\s\S]*<b>⊘<\/b> 1/);
  expect(cell(html, 2, "C4").button).toMatch(/class="cell not-covered"[\s\S]*<b>–<\/b> 0/);
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, target] of html.matchAll(/popovertarget="([^"]+)"/g)) expect(ids).toContain(target);
  expect(html.match(/class="cell /g)).toHaveLength(2 * CLAUSES.length);
});

test("a panel tells each case with verdict, evidence, seed, time and message; what failed comes first", () => {
  const { panel } = cell(reportHtml(one), 1, "B1");
  const found = [...panel.matchAll(/<\/span> ([A-Z]+-\d+) <small>(\w+)/g)].map(([, id, word]) => [id, word]);
  expect(found).toEqual([
    ["CALL-02", "FAIL"],
    ["CALL-01", "pass"],
  ]);
  for (const fact of ["evidence 41", "seed 4242", "17 ms", "core"]) expect(panel).toContain(`<span>${fact}</span>`);
  expect(panel).toContain("again: <code>--only '^CALL-02$' --seed 7</code>");
  const unproven = cell(reportHtml(one), 1, "C3").panel;
  expect(unproven).toContain("the harness lacks workers");
});

test("no text of a report becomes markup", () => {
  const html = reportHtml(one);
  expect(html).not.toContain("<img");
  expect(html).toContain("&lt;img src=x onerror=alert(1)&gt; &amp; 'b'");
  const named = reportHtml({ ...one, subject: `x"><script>alert(1)</script>` });
  expect(named.match(/<script>/g)).toHaveLength(1);
});

test("the page needs nothing beside itself, and forbids itself to ask", () => {
  const html = reportHtml([one, other]);
  expect(html).toContain("default-src 'none'");
  expect(html).not.toMatch(/(src|href)="(?!data:)|url\(|@import|https?:/);
  expect(html).toContain("prefers-color-scheme: dark");
  expect(html).toContain('[data-theme="dark"]');
});

test("every element that is opened is closed, in order", () => {
  const html = reportHtml([one, other]).replace(/<(style|script)>[\s\S]*?<\/\1>/g, "");
  const open: string[] = [];
  for (const [, close, name = ""] of html.matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
    if (["meta", "link", "input", "br"].includes(name)) continue;
    if (close === "") open.push(name);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
});

test("each driver has its verdict, its levels and its claims, with what became of them", () => {
  const html = reportHtml([one, other]);
  expect(html).toMatch(/<th scope="row">hand:\/\/made<br><small>hand-made 1\.2\.3<\/small>/);
  expect(html).toContain("✗ FAILED, level none (core: CALL-02 failed)");
  expect(html).toContain(
    '<span class="chip failed" title="core failed: 2 passed; failed: CALL-02; unproven: POOL-01">✗ core</span>',
  );
  expect(html).toMatch(/<code>rpc<\/code><\/th><td><span class="mark pass" title="kept">✓<\/span> yes/);
  expect(html).toMatch(/<code>pools<\/code><\/th><td><span class="mark unproven" title="unproven">\?<\/span> yes/);
  expect(html).toMatch(/<code>requeue<\/code><\/th><td>no<\/td>/);
});

test("of a part of the kit only the clauses that it is about are rows", () => {
  const html = reportHtml({ ...one, isPartial: true });
  expect([...html.matchAll(/<th scope="row"><b>(\w+)<\/b>/g)].map(([, id]) => id)).toEqual(["A2", "B1", "C3", "C4"]);
});

interface Row {
  hidden: boolean;
  readonly dataset: Record<string, string>;
  readonly classList: { contains(name: string): boolean };
  nextElementSibling?: Row | undefined;
}

/** As much of a browser as the page's script asks for. */
function pageOf(rows: Row[], hash = "") {
  const heard = new Map<string, () => void>();
  const element = (id: string) => ({
    id,
    value: "",
    checked: false,
    textContent: "",
    opened: 0,
    showPopover() {
      this.opened++;
    },
    addEventListener: (_: string, listener: () => void) => void heard.set(id, listener),
  });
  const elements = new Map(["search", "open", "shown", "theme", "B1.1"].map((id) => [id, element(id)]));
  const root: { dataset: Record<string, string> } = { dataset: {} };
  for (const [index, row] of rows.entries()) row.nextElementSibling = rows[index + 1];
  const document = {
    documentElement: root,
    getElementById: (id: string) => elements.get(id),
    querySelectorAll: (wanted: string) => {
      if (wanted === "tr[data-find]") return rows.filter(({ dataset }) => dataset["find"] !== undefined);
      return wanted === "tr.part" ? rows.filter(({ dataset }) => dataset["find"] === undefined) : [];
    },
  };
  const matchMedia = () => ({ matches: false });
  runInNewContext(SCRIPT, { document, location: { hash }, history: {}, matchMedia });
  const at = (id: string) => {
    const found = elements.get(id);
    if (found === undefined) throw new Error(`no ${id}`);
    return found;
  };
  return { at, root, fire: (id: string) => heard.get(id)?.() };
}

test("the script filters rows with their headings, opens what the address names, and changes light to dark", () => {
  const row = (find: string, settled: string): Row => ({
    hidden: false,
    dataset: { find, settled },
    classList: { contains: () => false },
  });
  const part = (): Row => ({ hidden: false, dataset: {}, classList: { contains: () => true } });
  const rows = [
    part(),
    row("a1 names call-01", "yes"),
    row("a2 topics", "yes"),
    part(),
    row("b1 one outcome call-01", "no"),
  ];
  const page = pageOf(rows, "#B1.1");
  const hidden = (): boolean[] => rows.map((one) => one.hidden);
  expect(hidden()).toEqual([false, false, false, false, false]);
  expect(page.at("shown").textContent).toBe("3 of 3 clauses");
  expect(page.at("B1.1").opened).toBe(1);
  page.at("search").value = "CALL-01 names";
  page.fire("search");
  expect(hidden()).toEqual([false, false, true, true, true]);
  page.at("search").value = "";
  page.at("open").checked = true;
  page.fire("open");
  expect(hidden()).toEqual([true, true, true, false, false]);
  page.fire("theme");
  expect(page.root.dataset["theme"]).toBe("dark");
  page.fire("theme");
  expect(page.root.dataset["theme"]).toBe("light");
});

test("the ending of a file's name says what it is, for one report and for several", () => {
  expect(JSON.parse(reportForFile("a.json", one) ?? "")).toEqual(one);
  expect(JSON.parse(reportForFile("a.JSON", [one, other]) ?? "")).toEqual([one, other]);
  expect(reportForFile("a.md", one)).toBe(reportMarkdown(one));
  expect(reportForFile("a.html", one)).toBe(reportHtml(one));
  expect(reportForFile("a.txt", one)).toBeUndefined();
});

test("Markdown of several drivers has a row for each driver, clause and case, and all that did not pass", () => {
  const page = reportMarkdown([one, other]);
  expect(page).toContain("| `hand://made` | FAILED, level none (core: CALL-02 failed) | failed | not-run |");
  expect(page).toContain("| B1 | a call has one outcome, once | BROKEN (CALL-02), 2 | held, 2 |");
  expect(page).toContain("| CALL-02 | the case CALL-02 | FAIL | pass |");
  expect(page).toContain("| POOL-01 | the case POOL-01 | unproven | not run |");
  expect(page).toContain("| `hand://made` | CALL-02 | FAIL | 77 |");
  expect(reportMarkdown(one)).toContain("| CALL-01 | B1 A2 | pass | 41 | 4242 | 17 | the case CALL-01 |");
});

test("deviations are in every kind of report", () => {
  const deviation = { caseId: "CALL-02", reason: "slow", url: "https://example.org/2", expires: "2999-01-01" };
  const harness = { name: "x", isolatesSpaces: true, deviations: [deviation], createTransport: () => Promise.reject() };
  const report = reportOf([resultNamed("CALL-02", "deviation")], { harness, known: [caseNamed("CALL-02")] });
  expect(report).toMatchObject({ passed: true, level: "none", deviations: [deviation] });
  expect(reportMarkdown(report)).toContain("| `x` | CALL-02 | slow | https://example.org/2 | 2999-01-01 |");
  expect(reportHtml(report)).toContain(
    "<td>CALL-02</td><td>slow</td><td>https://example.org/2</td><td>2999-01-01</td>",
  );
});
