/** The look of the page: light and dark by the reader's own setting, or as the button says. No font, no image, no network. */
export const STYLE: string = `
:root { color-scheme: light dark; --paper: #fcfcfd; --ink: #1c2330; --soft: #5b6577; --line: #dde2ea; --raised: #f2f4f8; --focus: #2f5fd0;
  --held: #d8f0de; --held-ink: #0f5c2e; --refused: #e0e8f5; --refused-ink: #2c4a7d; --broken: #f9d5d3; --broken-ink: #98150f;
  --unproven: #fbe9bd; --unproven-ink: #6d4a00; --none: #eceef2; --none-ink: #5b6577; }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { --paper: #14171d; --ink: #e5e9f0; --soft: #9aa5b7; --line: #2b323e; --raised: #1d222b; --focus: #8fb0ff;
  --held: #173d26; --held-ink: #9fe3b5; --refused: #22324d; --refused-ink: #b3cdf7; --broken: #56201d; --broken-ink: #ffb9b3;
  --unproven: #4a3a10; --unproven-ink: #f7d684; --none: #262c36; --none-ink: #9aa5b7; } }
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; --paper: #14171d; --ink: #e5e9f0; --soft: #9aa5b7; --line: #2b323e; --raised: #1d222b; --focus: #8fb0ff;
  --held: #173d26; --held-ink: #9fe3b5; --refused: #22324d; --refused-ink: #b3cdf7; --broken: #56201d; --broken-ink: #ffb9b3;
  --unproven: #4a3a10; --unproven-ink: #f7d684; --none: #262c36; --none-ink: #9aa5b7; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 84rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
small, .soft { color: var(--soft); font-weight: normal; font-size: .85em; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 1px; }
.top { display: flex; gap: 1rem; justify-content: space-between; align-items: start; flex-wrap: wrap; }
.tools { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; margin: .6rem 0; }
.tools input[type="search"] { font: inherit; padding: .25rem .5rem; width: 16rem; max-width: 100%; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; }
.plain { font: inherit; padding: .2rem .7rem; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; cursor: pointer; }
@media (max-width: 60rem) { .scroll { overflow-x: auto; } }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { vertical-align: bottom; }
.matrix { width: auto; min-width: 60%; }
.matrix thead th { position: sticky; top: 0; background: var(--paper); z-index: 1; }
.matrix tbody th { font-weight: normal; } .matrix tbody th b { display: inline-block; min-width: 2.2rem; }
.matrix .part th { padding-top: .9rem; font-weight: 600; }
.matrix td { padding: 2px; width: 7rem; }
.cell { display: block; width: 100%; min-width: 4.5rem; padding: .18rem .5rem; border: 0; border-radius: 3px; font: inherit; text-align: left; cursor: pointer; font-variant-numeric: tabular-nums; }
.cell:hover { filter: brightness(.95) contrast(1.1); }
.mark { display: inline-block; min-width: 1.5em; text-align: center; border-radius: 3px; font-weight: 600; }
.held, .pass, .reached { background: var(--held); color: var(--held-ink); }
.refused { background: var(--refused); color: var(--refused-ink); }
.broken, .fail, .vacuous, .deviation, .failed { background: var(--broken); color: var(--broken-ink); }
.unproven { background: var(--unproven); color: var(--unproven-ink); }
.not-covered, .not-applicable, .not-run { background: var(--none); color: var(--none-ink); }
.chip { display: inline-block; padding: 0 .5rem; border-radius: 3px; white-space: nowrap; }
.num { font-variant-numeric: tabular-nums; text-align: right; }
.panel { position: fixed; inset: 0 0 0 auto; margin: 0; width: min(46rem, 100vw); max-width: 100vw; height: 100vh; max-height: 100vh; overflow-y: auto; padding: 0 1.2rem 2rem; color: var(--ink); background: var(--paper); border: 0; border-left: 1px solid var(--line); box-shadow: -8px 0 30px rgb(0 0 0 / .18); }
.panel header { position: sticky; top: 0; display: flex; justify-content: space-between; align-items: center; background: var(--paper); border-bottom: 1px solid var(--line); padding: .8rem 0 .4rem; }
.panel h3 { margin: 0; font-size: 1.1rem; } .lead { margin: .6rem 0 1rem; }
.close { font-size: 1.3rem; line-height: 1; padding: .2rem .6rem; color: inherit; background: none; border: 1px solid var(--line); border-radius: 4px; cursor: pointer; }
.case { border-top: 1px solid var(--line); padding: .55rem 0; } .case h4 { margin: 0; font-size: 1rem; } .case p { margin: .15rem 0; }
.facts { color: var(--soft); font-size: .85em; font-variant-numeric: tabular-nums; } .facts span { margin-right: .9em; }
.why { color: var(--soft); font-size: .9em; }
.case pre { margin: .4rem 0; padding: .5rem .7rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--raised); border-left: 3px solid var(--broken-ink); }
[hidden] { display: none; }
@media print { .tools, .panel { display: none; } .matrix thead th { position: static; } * { print-color-adjust: exact; } }
`.trim();

/** What the page does beyond what HTML does by itself: filter rows, choose light or dark, open the cell that the address names. */
export const SCRIPT: string = `
const rows = [...document.querySelectorAll("tr[data-find]")];
const search = document.getElementById("search");
const open = document.getElementById("open");
function filter() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const fits = words.every((word) => row.dataset.find.includes(word));
    row.hidden = !fits || (open.checked && row.dataset.settled === "yes");
    if (!row.hidden) shown++;
  }
  document.getElementById("shown").textContent = shown + " of " + rows.length + " clauses";
  for (const part of document.querySelectorAll("tr.part")) {
    let next = part.nextElementSibling;
    while (next && !next.classList.contains("part") && next.hidden) next = next.nextElementSibling;
    part.hidden = !next || next.classList.contains("part");
  }
}
search.addEventListener("input", filter);
open.addEventListener("change", filter);
document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});
for (const panel of document.querySelectorAll(".panel")) {
  panel.addEventListener("toggle", (event) => {
    if (event.newState === "open") history.replaceState(null, "", "#" + panel.id);
  });
}
const named = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
if (named && named.showPopover) named.showPopover();
filter();
`.trim();
