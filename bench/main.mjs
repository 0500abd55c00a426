/**
 * `npm run bench -- [--rounds N] [--ms N] [--only NAME,…] [--columns NAME,…] [--seed N] [--json] [--out FOLDER]`
 *
 * Each system has a client's and a server's process on the loopback address, started once. Every round measures every
 * column on every system in a new order, so that the machine's moods fall on all alike; what is compared are ratios within
 * a round. Results go to bench/results (results.json, results.html, results.svg) and as tables to the terminal.
 *
 * `npm run bench -- rabbit` is another suite, with options of its own: README.md.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { renderHtml, renderSvg } from "./lib/chart.mjs";
import { COLUMNS } from "./lib/columns.mjs";
import { installPeers } from "./lib/install-peers.mjs";
import { SystemProcesses } from "./lib/processes.mjs";
import { renderText, summarize } from "./lib/report.mjs";
import { seededRandom, shuffle } from "./lib/statistics.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BASE = "zeromq-by-hand";
/** What is held against each of the others. */
const SUBJECT = "trunkline-zmtp";
const SYSTEMS = [BASE, SUBJECT, "trunkline-libzmq", "net-by-hand", "nestjs-tcp", "moleculer-tcp"];

function readOptions() {
  return parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      ms: { type: "string", default: "250" },
      only: { type: "string" },
      columns: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      json: { type: "boolean", default: false },
      out: { type: "string", default: join(HERE, "results") },
    },
  }).values;
}

function pick(list, asked, nameOf) {
  if (asked === undefined) return list;
  const names = asked.split(",");
  const unknown = names.filter((name) => !list.some((entry) => nameOf(entry) === name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}; there are ${list.map(nameOf).join(", ")}`);
  return list.filter((entry) => names.includes(nameOf(entry)));
}

function number(name, text) {
  const value = Number(text);
  if (!(value >= 1)) throw new Error(`--${name} must be a number of 1 or more, got ${text}`);
  return value;
}

async function main() {
  const values = readOptions();
  const [rounds, ms] = [number("rounds", values.rounds), number("ms", values.ms)];
  const asked = pick(SYSTEMS, values.only, (name) => name);
  const systems = asked.includes(BASE) ? asked : [BASE, ...asked];
  const columns = pick(COLUMNS, values.columns, (column) => column.name);
  installPeers();
  const random = seededRandom(number("seed", values.seed));
  const running = systems.map((name) => new SystemProcesses(name));
  const samples = Object.fromEntries(
    systems.map((name) => [name, Object.fromEntries(columns.map((column) => [column.name, []]))]),
  );
  try {
    for (const system of running) await system.start();
    for (let round = 0; round <= rounds; round += 1) {
      for (const column of columns) {
        for (const system of shuffle([...running], random)) {
          const whole = ms * (column.times ?? 1);
          // Round 0 warms the compilers up and is not counted.
          const sample = await system.measure({ ...column, ms: round === 0 ? whole / 2 : whole });
          if (round > 0) samples[system.name][column.name].push(sample);
        }
      }
      if (process.stderr.isTTY) process.stderr.write(`\rround ${round} of ${rounds}`);
      else process.stderr.write(`round ${round} of ${rounds}\n`);
    }
    if (process.stderr.isTTY) process.stderr.write("\r\n");
  } finally {
    await Promise.all(running.map((system) => system.stop()));
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}`;
  const found = summarize({ systems, columns, rounds, samples, base: BASE, subject: SUBJECT });
  const report = { ...found, machine, seed: values.seed };
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, "results.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(values.out, "results.html"), renderHtml(report));
  writeFileSync(join(values.out, "results.svg"), renderSvg(report));
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${machine}\n${renderText(report)}`);
}

if (process.argv[2] === "rabbit") {
  installPeers();
  const { runRabbit } = await import("./rabbit/main.mjs");
  process.exitCode = await runRabbit(process.argv.slice(3));
} else {
  await main();
}
