/** The tables for the terminal. `paint(style, text)` colours a text, or leaves it as it is. */
import { rateText, ratioText, spreadText } from "./figures.mjs";
import { failuresOf } from "./report.mjs";
import { CALL_PROMISES, CAST_PROMISES } from "./systems.mjs";

export function renderTables(report, paint = (_style, text) => text) {
  const measured = (title, text) => ({
    title,
    lines: table([header(report), ...report.systems.map((system) => row(report, system, paint, text))]),
  });
  const parts = [
    heading(report),
    measured("Operations a second: median of the rounds (least–greatest)", ({ rate }) => spreadText(rate, rateText)),
    ...ratios(report),
    measured("Latency p50 / p99 in ms; of casts, until accepted", latencyText),
    measured("CPU time in µs an operation: client + server + broker", cpuText),
    promises("What a call is promised", CALL_PROMISES, report.systems, ({ calls }) => calls),
    promises("What a cast is promised", CAST_PROMISES, report.systems, ({ casts }) => casts),
    ...list("Failed", failuresOf(report), (failure) => failureText(report, failure)),
    ...list("Left out", report.leftOut, ({ title, why }) => `${title}: ${why}`),
  ];
  return parts.map(({ title, lines }) => `${paint("bold", title)}\n${lines.join("\n")}\n`).join("\n");
}

function header({ cells }) {
  return ["", ...cells.map((cell) => cell.title)];
}

/** A table for each of ours that has something to compare. */
function ratios(report) {
  const { systems, cells, ratios } = report;
  return systems
    .filter(({ name, isOurs }) => isOurs && hasAny(ratios[name]))
    .map((own) => {
      const rows = systems
        .filter((system) => system !== own)
        .map((system) => [
          system.title,
          ...cells.map((cell) => {
            const ratio = ratios[own.name][system.name][cell.name];
            return ratio === null ? "–" : spreadText(ratio, ratioText);
          }),
        ]);
      const title = `${own.title} ÷ each of the others, round by round: median (least–greatest)`;
      return { title, lines: table([header(report), ...rows]) };
    });
}

function hasAny(ratiosOfOne) {
  return Object.values(ratiosOfOne).some((ofOther) => Object.values(ofOther).some((ratio) => ratio !== null));
}

function heading({ machine, broker, rounds, seconds }) {
  const whose = broker.isPrivate ? "a private broker on this machine" : "the broker of TRUNKLINE_TEST_RABBIT_URL";
  return {
    title: `RabbitMQ ${broker.version}: ${rounds} interleaved rounds of ${seconds} s`,
    lines: [
      `${machine.cores} × ${machine.cpu}, Node ${machine.node}; ${whose}`,
      ...(broker.isPrivate ? ["broker, client and server share these cores"] : []),
    ],
  };
}

function row({ cells, results }, system, paint, text) {
  return [
    system.title,
    ...cells.map((cell) => {
      const result = results[system.name][cell.name];
      return result.failed === undefined ? text(result, cell) : paint("red", "failed");
    }),
  ];
}

function latencyText({ p50Ms, p99Ms }) {
  const text = (ms) => (ms >= 9.995 ? ms.toFixed(0) : ms.toFixed(2));
  return `${text(p50Ms)} / ${text(p99Ms)}`;
}

function cpuText({ cpuUs: { client, server, broker } }) {
  return [client, server, broker].map((us) => (us === null ? "?" : us.toFixed(0))).join(" + ");
}

function promises(title, columns, systems, of) {
  const rows = systems.map((system) => [
    [system.title, system.version].filter((part) => part !== undefined).join(" "),
    ...columns.map((column) => of(system)[column]),
  ]);
  return { title, lines: table([["", ...columns], ...rows], { alignsRight: false }) };
}

function list(title, items, text) {
  return items.length === 0 ? [] : [{ title, lines: items.map((item) => `  ${text(item)}`) }];
}

function failureText({ cells }, { system, cells: failed, why }) {
  const which = failed.length === cells.length ? "" : `, ${failed.map(({ title }) => title).join(", ")}`;
  return `${system.title}${which}: ${why}`;
}

function table(rows, { alignsRight = true } = {}) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => widthOf(row[column]))));
  return rows.map((row) =>
    row
      .map((text, column) => {
        const room = " ".repeat(widths[column] - widthOf(text));
        return column > 0 && alignsRight ? room + text : text + room;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Colours take no room. */
function widthOf(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour begins with
  return text.replace(/\u001b\[\d+m/g, "").length;
}
