/** What a run found: a table for the terminal, JSON for programs, one HTML page with a chart. */
import { median, summary } from "./statistics.mjs";

/** Every system's cell of every column: medians over the rounds, and the ratio to the base, round by round. */
export function summarize({ systems, columns, rounds, samples, base }) {
  const cells = {};
  for (const system of systems) {
    cells[system] = {};
    for (const column of columns) {
      const own = samples[system][column.name];
      const reference = samples[base][column.name];
      cells[system][column.name] = {
        rate: summary(own.map((sample) => sample.rate)),
        ratio: summary(own.map((sample, round) => sample.rate / reference[round].rate)),
        cpuUs: median(own.map((sample) => sample.cpuUs)),
        p50Ms: median(own.map((sample) => sample.p50)),
        p99Ms: median(own.map((sample) => sample.p99)),
      };
    }
  }
  return { base, rounds, systems, columns, cells };
}

const short = (rate) =>
  rate >= 9_995
    ? `${Math.round(rate / 1000)}k`
    : rate >= 1_000
      ? `${(rate / 1000).toFixed(1)}k`
      : `${Math.round(rate)}`;

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  "),
    )
    .join("\n");
}

const TABLES = [
  [
    "operations a second (× base, least–greatest over the rounds)",
    (cell) =>
      `${short(cell.rate.median)} ${cell.ratio.median.toFixed(2)}× (${cell.ratio.least.toFixed(1)}–${cell.ratio.greatest.toFixed(1)})`,
  ],
  ["CPU of both processes, µs an operation", (cell) => cell.cpuUs.toFixed(1)],
  ["latency p50 / p99, ms", (cell) => (cell.p50Ms === 0 ? "–" : `${cell.p50Ms.toFixed(3)} / ${cell.p99Ms.toFixed(2)}`)],
];

export function renderText(report) {
  const header = ["", ...report.columns.map((column) => column.name)];
  const parts = TABLES.map(([title, show]) => {
    const rows = report.systems.map((system) => [
      system,
      ...report.columns.map((column) => show(report.cells[system][column.name])),
    ]);
    return `${title}\n${table([header, ...rows])}`;
  });
  return `${report.rounds} rounds, interleaved; base: ${report.base}\n\n${parts.join("\n\n")}\n`;
}

const COLOURS = ["#1f77b4", "#7f7f7f", "#2ca02c", "#d62728", "#9467bd", "#8c564b"];
const escapeText = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Grouped bars of the ratio to the base, on a logarithmic axis, with a whisker for the spread. */
function chart(report) {
  const [left, top, width, height] = [46, 16, 960, 300];
  const ratios = report.systems.flatMap((system) =>
    report.columns.map((column) => report.cells[system][column.name].ratio),
  );
  const greatest = Math.max(2, ...ratios.map((ratio) => ratio.greatest));
  const least = Math.min(0.5, ...ratios.map((ratio) => Math.max(0.02, ratio.least)));
  const y = (ratio) => top + height * (1 - Math.log(Math.max(least, ratio) / least) / Math.log(greatest / least));
  const group = width / report.columns.length;
  const bar = (group * 0.8) / report.systems.length;
  const parts = [];
  for (let tick = 2 ** Math.ceil(Math.log2(least)); tick <= greatest; tick *= 2) {
    parts.push(
      `<line x1="${left}" x2="${left + width}" y1="${y(tick)}" y2="${y(tick)}" stroke="${tick === 1 ? "#000" : "#ddd"}"/>`,
    );
    parts.push(`<text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}×</text>`);
  }
  report.columns.forEach((column, i) => {
    const x0 = left + i * group + group * 0.1;
    parts.push(
      `<text x="${x0 + group * 0.4}" y="${top + height + 18}" text-anchor="middle">${escapeText(column.name)}</text>`,
    );
    report.systems.forEach((system, j) => {
      const { ratio, rate } = report.cells[system][column.name];
      const x = x0 + j * bar;
      parts.push(
        `<rect x="${x}" y="${y(ratio.median)}" width="${bar * 0.9}" height="${top + height - y(ratio.median)}" fill="${COLOURS[j % COLOURS.length]}">` +
          `<title>${escapeText(system)}, ${escapeText(column.name)}: ${short(rate.median)}/s, ${ratio.median.toFixed(2)}×</title></rect>`,
      );
      const middle = x + bar * 0.45;
      parts.push(
        `<line x1="${middle}" x2="${middle}" y1="${y(ratio.least)}" y2="${y(ratio.greatest)}" stroke="#000"/>`,
      );
    });
  });
  return `<svg viewBox="0 0 ${left + width + 10} ${top + height + 28}" role="img">${parts.join("")}</svg>`;
}

export function renderHtml(report) {
  const legend = report.systems.map(
    (system, i) => `<span><i style="background:${COLOURS[i % COLOURS.length]}"></i>${escapeText(system)}</span>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Trunkline bench</title>
<style>body{font:14px system-ui;margin:2em;max-width:1080px}svg{width:100%;font:12px system-ui}pre{overflow:auto;font-size:12px}i{display:inline-block;width:1em;height:1em;margin:0 .4em 0 1em}</style>
<h1>Operations a second, relative to ${escapeText(report.base)}</h1>
<p>Medians of ${report.rounds} interleaved rounds on ${escapeText(report.machine)}; whiskers: least to greatest ratio of a round. Logarithmic.</p>
<p>${legend.join("")}</p>${chart(report)}<pre>${escapeText(renderText(report))}</pre></html>
`;
}
