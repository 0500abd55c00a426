/** What the processes of a soak held, round by round, as lines of text. */
const BARS = "▁▂▃▄▅▆▇█";
const WIDTH = 72;

const QUANTITIES = [
  ["heap, MiB", ({ heapBytes }) => heapBytes / 1024 / 1024, 1],
  ["handles", ({ handles }) => handles, 0],
  ["open files", ({ openFiles }) => openFiles, 0],
];

/**
 * A line for each process and quantity: bars from the least to the most that any process held of it, and both numbers of the process.
 * `|` stands before the first round of a process that took the place of one that was killed. Where there are more rounds than fit, a
 * bar is the most of several.
 */
export function soakChart(rounds) {
  const step = Math.ceil(rounds.length / WIDTH);
  const lines = [];
  for (const [title, measure, digits] of QUANTITIES) {
    const series = rounds[0].footprints.map((_, index) => rounds.map(({ footprints }) => measure(footprints[index])));
    const known = series.flat().filter((value) => value !== undefined);
    // The system does not tell everywhere.
    if (known.length === 0) continue;
    const [least, most] = [Math.min(...known), Math.max(...known)];
    for (const [index, values] of series.entries()) {
      const lives = rounds.map((round) => round.lives[index] ?? 1);
      const range = `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
      lines.push(`${`p${index + 1} ${title}`.padEnd(14)} ${bars(values, lives, step, least, most)}  ${range}`);
    }
  }
  const seconds = Math.round((rounds.at(-1)?.ms ?? 0) / 1_000);
  lines.push(
    `${rounds.length} rounds in ${seconds} s${step > 1 ? `, ${step} to a bar` : ""}; | a process was killed and replaced`,
  );
  return lines.join("\n");
}

function bars(values, lives, step, least, most) {
  let drawn = "";
  for (let at = 0; at < values.length; at += step) {
    const end = Math.min(at + step, values.length);
    const isNew = at > 0 && lives[end - 1] !== lives[at - 1];
    const value = Math.max(...values.slice(at, end));
    const level = most === least ? 0 : Math.round(((value - least) / (most - least)) * (BARS.length - 1));
    drawn += `${isNew ? "|" : ""}${BARS[level]}`;
  }
  return drawn;
}
