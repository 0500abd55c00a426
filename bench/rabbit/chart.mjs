/** The chart: a panel for each cell, a bar for each system, whiskers from the least to the greatest round. */
import { rateText, ratioText } from "./figures.mjs";
import { renderTables } from "./tables.mjs";

const WIDTH = 960;
const LABEL_WIDTH = 190;
const NOTE_WIDTH = 250;
const ROW = 20;
const PANEL_HEAD = 40;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - NOTE_WIDTH;
const COLOURS = { ours: "#1f6feb", other: "#9aa4b2" };

const FONT = "font-family='system-ui, sans-serif' font-size='13'";

function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A picture that needs nothing else. */
export function renderSvg(report) {
  const panelHeight = PANEL_HEAD + report.systems.length * ROW;
  const top = 64;
  const height = top + report.cells.length * panelHeight + 16;
  const panels = report.cells.map((cell, index) => panel(report, cell, top + index * panelHeight));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" ${FONT}>` +
    `<title>Operations a second over RabbitMQ</title><rect width="${WIDTH}" height="${height}" fill="#fff"/>` +
    `<text x="12" y="26" font-size="17" font-weight="600">Operations a second over RabbitMQ ${escapeText(report.broker.version)}</text>` +
    `<text x="12" y="46" fill="#57606a">${escapeText(subtitle(report))}</text>${panels.join("")}</svg>\n`
  );
}

/** The picture, and the tables below it. */
export function renderHtml(report) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Trunkline bench: RabbitMQ</title>
<style>body{font:14px system-ui;margin:2em;max-width:1100px}svg{width:100%;max-width:${WIDTH}px}pre{overflow:auto;font-size:12px}</style>
${renderSvg(report)}<pre>${escapeText(renderTables(report))}</pre></html>
`;
}

function subtitle({ machine, rounds, seconds }) {
  return (
    `median of ${rounds} interleaved rounds of ${seconds} s; whiskers: least to greatest round; ` +
    `${machine.cores} × ${machine.cpu}, broker included`
  );
}

function panel(report, cell, y) {
  const rates = report.systems.map(({ name }) => report.results[name][cell.name].rate?.greatest ?? 0);
  const scale = BAR_WIDTH / Math.max(1, ...rates);
  const what = cell.operation === "call" ? `calls, ${cell.inFlight} in flight` : `casts, ${cell.inFlight} unresolved`;
  const bars = report.systems.map((system, index) => bar(report, system, cell, y + PANEL_HEAD + index * ROW, scale));
  return `<text x="12" y="${y + 28}" font-weight="600">${what}</text>${bars.join("")}`;
}

function bar(report, system, cell, y, scale) {
  const label = `<text x="${LABEL_WIDTH - 8}" y="${y + 14}" text-anchor="end">${escapeText(system.title)}</text>`;
  const { failed, rate } = report.results[system.name][cell.name];
  if (failed !== undefined) {
    return `${label}<text x="${LABEL_WIDTH}" y="${y + 14}" fill="#cf222e">failed<title>${escapeText(failed)}</title></text>`;
  }
  const x = (value) => (LABEL_WIDTH + value * scale).toFixed(1);
  const colour = system.isOurs ? COLOURS.ours : COLOURS.other;
  const note = [`${rateText(rate.median)}/s`, ...comparisons(report, system, cell)].join("  ");
  return (
    `${label}<rect x="${LABEL_WIDTH}" y="${y + 3}" width="${(rate.median * scale).toFixed(1)}" height="${ROW - 6}" fill="${colour}"/>` +
    `<path d="M${x(rate.least)} ${y + ROW / 2}H${x(rate.greatest)}" stroke="#1f2328" stroke-width="1.5"/>` +
    `<text x="${LABEL_WIDTH + BAR_WIDTH + 10}" y="${y + 14}">${escapeText(note)}</text>`
  );
}

/** Beside another's bar: how ours compares with it, where it was measured. */
function comparisons({ systems, ratios }, system, cell) {
  const own = systems.find(({ isOurs }) => isOurs);
  const ratio = own === undefined || system.isOurs ? null : ratios[own.name][system.name][cell.name];
  return ratio === null ? [] : [`(${own.title.replace(/^\w+ /, "")} is ${ratioText(ratio.median)}×)`];
}
