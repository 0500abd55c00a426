/**
 * A load for as long as is asked: links cut and the broker killed and frozen where the harness can, processes killed and replaced where
 * each peer has its own. What each holds is watched, and drawn at the end.
 *
 *   npm run soak [-- --minutes N] [URL] [--seed N] [--json]
 *
 * Without a URL: zmq://. A scheme alone, such as rabbit://, is the driver's own harness, with a broker of its own.
 */
import { parseArgs } from "node:util";
import { GROWTH, runConformance, soakCase } from "@trunkline/conformance";
import {
  endProgress,
  harnessOf,
  progressLine,
  readNumber,
  readSeed,
  runCommand,
  table,
  WrongUsage,
} from "./harnesses.mjs";
import { soakChart } from "./soak-chart.mjs";

const USAGE = "usage: npm run soak [-- --minutes N] [URL] [--seed N] [--json]";

async function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      minutes: { type: "string" },
      seed: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (positionals.length > 1) throw new WrongUsage(`a soak is of one URL, not ${positionals.join(" ")}`);
  const url = positionals[0] ?? "zmq://";
  const minutes = readNumber("minutes", values.minutes, 10);
  const seed = readSeed(values.seed);
  return { url, minutes, seed, harness: await harnessOf(url), isJson: values.json, wantsHelp: values.help };
}

const mib = (bytes) => (bytes / 1024 / 1024).toFixed(1);

async function main() {
  const { url, minutes, seed, harness, isJson, wantsHelp } = await readArguments();
  if (wantsHelp) {
    console.log(USAGE);
    return 0;
  }
  const rounds = [];
  const seconds = minutes * 60;
  const onRound = (round) => {
    rounds.push(round);
    const heap = round.footprints.map(({ heapBytes }) => mib(heapBytes)).join(" ");
    const killed = round.faults["process killed"] ?? 0;
    progressLine(
      `${url} ${Math.round(round.ms / 1_000)} s of ${Math.round(seconds)}: ${round.sent} sent, ${round.handled} handled, ` +
        `${round.notAccepted} not accepted, ${killed} killed, heap ${heap} MiB`,
    );
  };
  const report = await runConformance({ harness, seed, cases: [soakCase({ seconds, onRound })] });
  endProgress();
  if (isJson) console.log(JSON.stringify({ report, rounds }, null, 2));
  else show(report, rounds, seed);
  return report.passed ? 0 : 1;
}

function show({ cases: [result] }, rounds, seed) {
  console.log(table(["", "at first", "at the end"], [["verdict", "", result?.verdict ?? "none"], ...totals(rounds)]));
  if (rounds.length > 0) console.log(`\n${soakChart(rounds)}`);
  if (result?.detail !== undefined) console.log(`\n${result.detail}`);
  console.log(`seed ${seed}`);
}

function totals(rounds) {
  const [first, last] = [rounds[1] ?? rounds[0], rounds.at(-1)];
  if (first === undefined || last === undefined) return [];
  const rows = [
    ["sent", "", last.sent],
    ["handled", "", last.handled],
    ["not accepted", "", last.notAccepted],
    ["casts told as lost", "", last.toldLost],
    ...Object.entries(last.faults).map(([name, count]) => [`fault: ${name}`, "", count]),
  ];
  for (const [index, end] of last.footprints.entries()) {
    const life = last.lives[index] ?? 1;
    // The process that is there at the end, from its second round on.
    const lived = rounds.filter(({ lives }) => (lives[index] ?? 1) === life);
    const start = (lived[1] ?? lived[0] ?? last).footprints[index] ?? end;
    const name = `p${index + 1}${life === 1 ? "" : `, its process no. ${life}`}`;
    rows.push(
      [`${name}: heap, MiB (+${mib(GROWTH.heapBytes)} at most)`, mib(start.heapBytes), mib(end.heapBytes)],
      [`${name}: handles (+${GROWTH.handles} at most)`, start.handles, end.handles],
      [`${name}: open files (+${GROWTH.handles} at most)`, start.openFiles ?? "", end.openFiles ?? ""],
    );
  }
  for (const [name, count] of Object.entries(last.residue ?? {})) {
    rows.push([`backend: ${name} (+${GROWTH.residue} at most)`, first.residue?.[name] ?? 0, count]);
  }
  return rows;
}

await runCommand(USAGE, main);
