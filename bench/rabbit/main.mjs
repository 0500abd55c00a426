/** `npm run bench -- rabbit`: calls and casts over RabbitMQ, ours beside its peers, in one run against one broker. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { promisify } from "node:util";
import { openBroker } from "./broker.mjs";
import { renderHtml, renderSvg } from "./chart.mjs";
import { readOptions, USAGE, UsageError } from "./options.mjs";
import { Progress } from "./progress.mjs";
import { hasFailures, makeReport } from "./report.mjs";
import { runRounds } from "./rounds.mjs";
import { SystemRun } from "./system-run.mjs";
import { OSLO_CHECK, PYTHON } from "./systems.mjs";
import { renderTables } from "./tables.mjs";

const STYLES = { bold: [1, 22], red: [31, 39] };
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Resolves with the exit code. */
export async function runRabbit(args) {
  try {
    const options = readOptions(args);
    if (options.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    return await untilSignal((signal) => measureAll(options, signal));
  } catch (error) {
    process.stderr.write(`${error.message}\n${error instanceof UsageError ? `\n${USAGE}` : ""}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** A signal ends the work in order; a second one ends the process, and what it has started ends by itself. */
async function untilSignal(work) {
  const controller = new AbortController();
  let exitCode;
  const onSignal = (name) => {
    if (exitCode !== undefined) process.exit(SIGNALS[name]);
    exitCode = SIGNALS[name];
    controller.abort(new Error(`ended by ${name}; nothing is reported`));
  };
  for (const name of Object.keys(SIGNALS)) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (exitCode === undefined) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitCode;
  } finally {
    for (const name of Object.keys(SIGNALS)) process.off(name, onSignal);
  }
}

async function measureAll({ systems: asked, cells, rounds, seconds, json, chart }, signal) {
  const { systems, leftOut } = await withVersions(asked);
  for (const { title, why } of leftOut) process.stderr.write(`${title} is left out: ${why}\n`);
  const progress = new Progress(process.stderr, (rounds + 1) * cells.length * systems.length);
  progress.show("starting RabbitMQ");
  const broker = await openBroker(signal);
  const topic = `trunkline-bench-${randomBytes(4).toString("hex")}`;
  const runs = systems.map((system) => new SystemRun(system, broker, topic));
  try {
    const onProgress = (text, round) => progress.show(text, round);
    await runRounds({ runs, cells, rounds, ms: seconds * 1000, signal, onProgress });
  } finally {
    progress.end();
    await broker.close();
  }
  const report = makeReport({
    machine: { cores: cpus().length, cpu: cpus()[0]?.model.trim() ?? "unknown", node: process.versions.node },
    broker: { version: broker.version, isPrivate: broker.isPrivate },
    rounds,
    seconds,
    systems,
    leftOut,
    runs,
    cells,
  });
  print(json ? `${JSON.stringify(report)}\n` : renderTables(report, painter(process.stdout)));
  // Last, so that a file that cannot be written costs nobody the results.
  if (chart !== undefined) writeFileSync(chart, chart.endsWith(".svg") ? renderSvg(report) : renderHtml(report));
  return hasFailures(report) ? 1 : 0;
}

/** Each system with the version that is installed; oslo.messaging is left out where this machine's Python has none. */
async function withVersions(asked) {
  const systems = [];
  const leftOut = [];
  for (const system of asked) {
    if (!system.isPython) systems.push({ ...system, version: versionOf(system.package) });
    else {
      const found = await promisify(execFile)(PYTHON, OSLO_CHECK).catch((error) => error);
      if (found instanceof Error) leftOut.push({ name: system.name, title: system.title, why: whyNotPython(found) });
      else systems.push({ ...system, version: found.stdout.trim() });
    }
  }
  return { systems, leftOut };
}

function whyNotPython({ stderr, message }) {
  const reason = (stderr || message).trim().split("\n").at(-1);
  return `${PYTHON} cannot import oslo_messaging (${reason}); Debian's package is python3-oslo.messaging`;
}

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}

function painter(stream) {
  const hasColours = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  if (!hasColours) return undefined;
  return (style, text) => `\u001b[${STYLES[style][0]}m${text}\u001b[${STYLES[style][1]}m`;
}

/** A reader that has seen enough (`| head`) is no failure. */
function print(text) {
  process.stdout.once("error", (error) => {
    if (error.code !== "EPIPE") throw error;
  });
  process.stdout.write(text);
}
