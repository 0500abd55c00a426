/** What a run found, drawn: grouped bars in one SVG, and a page that has them beside the tables. */
import { renderText, short } from "./report.mjs";

const COLOURS = ["#7f7f7f", "#1f77b4", "#17becf", "#2ca02c", "#d62728", "#9467bd"];
const escapeText = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const [LEFT, TOP, WIDTH, HEIGHT] = [46, 40, 1100, 300];

function legend(systems) {
  let x = LEFT;
  return systems.map((system, i) => {
    const at = x;
    x += 30 + system.length * 7;
    return `<rect x="${at}" y="8" width="12" height="12" fill="${COLOURS[i % COLOURS.length]}"/><text x="${at + 16}" y="18">${escapeText(system)}</text>`;
  });
}

/** The ratio to the base on a logarithmic axis, with a whisker for the spread; needs nothing beside it. */
export function renderSvg(report) {
  const ratios = report.systems.flatMap((system) =>
    report.columns.map((column) => report.cells[system][column.name].ratio),
  );
  const greatest = Math.max(2, ...ratios.map((ratio) => ratio.greatest));
  const least = Math.min(0.5, ...ratios.map((ratio) => Math.max(0.02, ratio.least)));
  const y = (ratio) => TOP + HEIGHT * (1 - Math.log(Math.max(least, ratio) / least) / Math.log(greatest / least));
  const group = WIDTH / report.columns.length;
  const bar = (group * 0.8) / report.systems.length;
  const parts = legend(report.systems);
  for (let tick = 2 ** Math.ceil(Math.log2(least)); tick <= greatest; tick *= 2) {
    const stroke = tick === 1 ? "#000" : "#ddd";
    parts.push(`<line x1="${LEFT}" x2="${LEFT + WIDTH}" y1="${y(tick)}" y2="${y(tick)}" stroke="${stroke}"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}×</text>`);
  }
  for (const [i, { name }] of report.columns.entries()) {
    const x0 = LEFT + i * group + group * 0.1;
    parts.push(
      `<text x="${x0 + group * 0.4}" y="${TOP + HEIGHT + 18}" text-anchor="middle">${escapeText(name)}</text>`,
    );
    for (const [j, system] of report.systems.entries()) {
      const { ratio, rate } = report.cells[system][name];
      const x = x0 + j * bar;
      const title = `${system}, ${name}: ${short(rate.median)}/s, ${ratio.median.toFixed(2)}×`;
      parts.push(
        `<rect x="${x}" y="${y(ratio.median)}" width="${bar * 0.9}" height="${TOP + HEIGHT - y(ratio.median)}" fill="${COLOURS[j % COLOURS.length]}"><title>${escapeText(title)}</title></rect>`,
      );
      const middle = x + bar * 0.45;
      parts.push(
        `<line x1="${middle}" x2="${middle}" y1="${y(ratio.least)}" y2="${y(ratio.greatest)}" stroke="#000"/>`,
      );
    }
  }
  const [width, height] = [LEFT + WIDTH + 10, TOP + HEIGHT + 28];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui,sans-serif" font-size="12" role="img"><rect width="100%" height="100%" fill="#fff"/>${parts.join("")}</svg>\n`;
}

export function renderHtml(report) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Trunkline bench</title>
<style>body{font:14px system-ui;margin:2em;max-width:1180px}svg{width:100%}pre{overflow:auto;font-size:12px}</style>
<h1>Operations a second, relative to ${escapeText(report.base)}</h1>
<p>Medians of ${report.rounds} interleaved rounds on ${escapeText(report.machine)}; whiskers: least to greatest ratio of a round. Logarithmic.</p>
${renderSvg(report)}<pre>${escapeText(renderText(report))}</pre></html>
`;
}
