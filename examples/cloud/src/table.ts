import type { CloudReport } from "./cloud.js";

/** What the run came to, for people. */
export function reportTable(report: CloudReport, hasColor: boolean): string {
  const { summary, latenciesMs, problems } = report;
  const paint = (text: string, code: number): string => (hasColor ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [
    `${report.url}: ${report.hosts} hosts with two backends each, ${report.processes === 1 ? "one process" : `${report.processes} processes`}, ${(report.tookMs / 1_000).toFixed(1)} s`,
    "",
    ...grid([
      ["requests", "done", "failed as the trace says", "otherwise"],
      ...Object.entries(summary.requests).map(([kind, sum]) => [kind, sum.done, sum.failed, sum.wrong]),
    ]),
    "",
    ...grid([
      ["messages", "sent", "to arrive", "arrived", "lost", "twice", "p50 ms", "p99 ms"],
      // Both have every kind of message.
      ...(Object.keys(summary.messages) as (keyof typeof summary.messages)[]).map((kind) => {
        const { sent, expected, received, lost, excess } = summary.messages[kind];
        const times = latenciesMs[kind];
        return [kind, sent, expected, received, lost, excess, percentile(times, 0.5), percentile(times, 0.99)];
      }),
    ]),
    "",
    ...grid([
      ["events by pool", "expected", "seen", "lost", "twice"],
      ...Object.entries(summary.pools).map(([pool, sum]) => [pool, sum.expected, sum.seen, sum.lost, sum.twice]),
    ]),
    "",
    `accounting ${report.digest}: the same on every backend, message by message`,
    ...problems.map((problem) => paint(`problem: ${problem}`, 31)),
    report.ok
      ? paint("nothing lost, nothing twice, every request as the trace says", 32)
      : paint("NOT as it should be", 31),
  ];
  return lines.join("\n");
}

/** The smallest value that so large a part of all does not exceed; with two decimals. */
export function percentile(values: readonly number[], part: number): string {
  const sorted = values.toSorted((one, other) => one - other);
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  return value === undefined ? "-" : value.toFixed(2);
}

/** First column to the left, numbers to the right. */
function grid(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
}
