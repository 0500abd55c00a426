/** What a run found: numbers for programs, tables for the terminal. */
import { median, summary } from "./statistics.mjs";

/**
 * Every system's cell of every column. Ratios are those of each round, of which the median and the spread are told: `ratio` is
 * the rate over that of `base`, and `against` has, for each other system, the subject's rate and CPU per operation over its.
 */
export function summarize({ systems, columns, rounds, samples, base, subject }) {
  const cells = {};
  const of = (samples, name, value) => samples[name].map(value);
  const ratios = (ours, theirs, name, value) =>
    summary(of(ours, name, value).map((own, round) => own / value(theirs[name][round])));
  const rate = (sample) => sample.rate;
  const cpuUs = (sample) => sample.cpuUs;
  const against = {};
  for (const system of systems) {
    cells[system] = {};
    for (const { name } of columns) {
      const own = samples[system];
      cells[system][name] = {
        rate: summary(of(own, name, rate)),
        ratio: ratios(own, samples[base], name, rate),
        cpuUs: summary(of(own, name, cpuUs)),
        besideRate: median(of(own, name, (sample) => sample.besideRate)),
        p50Ms: median(of(own, name, (sample) => sample.p50)),
        p99Ms: median(of(own, name, (sample) => sample.p99)),
      };
    }
    if (system === subject || !systems.includes(subject)) continue;
    against[system] = {};
    for (const { name } of columns) {
      against[system][name] = {
        rate: ratios(samples[subject], samples[system], name, rate),
        cpuUs: ratios(samples[subject], samples[system], name, cpuUs),
      };
    }
  }
  return { base, subject, rounds, systems, columns, cells, against };
}

export const short = (rate) =>
  rate >= 9_995
    ? `${Math.round(rate / 1000)}k`
    : rate >= 1_000
      ? `${(rate / 1000).toFixed(1)}k`
      : `${Math.round(rate)}`;

const spread = ({ median, least, greatest }) => `${median.toFixed(2)}× (${least.toFixed(1)}–${greatest.toFixed(1)})`;

function latency({ p50Ms, p99Ms, besideRate }) {
  if (p50Ms === 0) return "–";
  return `${p50Ms.toFixed(3)} / ${p99Ms.toFixed(2)}${besideRate === 0 ? "" : ` beside ${short(besideRate)}/s`}`;
}

function aligned(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  "),
    )
    .join("\n");
}

function table(report, title, cells, show) {
  const header = ["", ...report.columns.map((column) => column.name)];
  const rows = Object.entries(cells).map(([system, own]) => [
    system,
    ...report.columns.map((column) => show(own[column.name])),
  ]);
  return `${title}\n${aligned([header, ...rows])}`;
}

export function renderText(report) {
  const { base, rounds, subject, cells, against } = report;
  const parts = [
    table(
      report,
      `operations a second (× ${base}, least–greatest over the rounds)`,
      cells,
      (cell) => `${short(cell.rate.median)} ${spread(cell.ratio)}`,
    ),
    table(
      report,
      "CPU of both processes, µs an operation (the least of a round)",
      cells,
      ({ cpuUs }) => `${cpuUs.median.toFixed(1)} (${cpuUs.least.toFixed(1)})`,
    ),
    table(report, "latency p50 / p99, ms; what was done beside", cells, latency),
  ];
  if (Object.keys(against).length > 0) {
    parts.splice(
      1,
      0,
      table(report, `operations a second of ${subject}, over those of`, against, (cell) => spread(cell.rate)),
      table(report, `CPU an operation of ${subject}, over that of`, against, (cell) => spread(cell.cpuUs)),
    );
  }
  return `${rounds} rounds, interleaved; base: ${base}\n\n${parts.join("\n\n")}\n`;
}
