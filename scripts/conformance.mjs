/**
 * The conformance kit over this repository's drivers, one after another, each in a process of its own.
 *
 *   npm run conformance [-- [--all | DRIVER …] [--only RE] [--seed N] [--strict] [--stress SECONDS] [--json] [--report-dir DIR]]
 *   npm run conformance -- --tables [--check]     the tables of the docs that come from manifests and from the kit
 */
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ALL_CASES, GROUPS, levelLine, REPORT_ENDINGS, reportForFile, stressCases } from "@trunkline/conformance";
import { DRIVERS, whyNot } from "./conformance-drivers.mjs";
import { tables } from "./driver-tables.mjs";

const CHILD = fileURLToPath(new URL("conformance-child.mjs", import.meta.url));
const REPORT_DIR = join("reports", "conformance");
const USAGE = `usage: npm run conformance -- [--all | ${Object.keys(DRIVERS).join(" ")}] [--only RE] [--seed N] [--strict] [--stress SECONDS] [--json] [--report-dir DIR]
       npm run conformance -- --tables [--check]`;

const isLive = process.stderr.isTTY === true && process.env.TERM !== "dumb";
const say = (text) => process.stderr.write(`${text}\n`);

class WrongUsage extends Error {}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        all: { type: "boolean", default: false },
        only: { type: "string" },
        seed: { type: "string" },
        strict: { type: "boolean", default: false },
        stress: { type: "string" },
        json: { type: "boolean", default: false },
        "report-dir": { type: "string", default: REPORT_DIR },
        tables: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const strange = positionals.find((name) => !Object.hasOwn(DRIVERS, name));
    if (strange !== undefined) throw new Error(`there is no driver ${JSON.stringify(strange)}`);
    if (values.seed !== undefined && !/^\d{1,10}$/.test(values.seed)) throw new Error("--seed must be a whole number");
    if (values.stress !== undefined && !/^[1-9]\d{0,6}$/.test(values.stress)) {
      throw new Error("--stress must be how many seconds each stress case goes on");
    }
    if (values.only !== undefined) {
      const only = new RegExp(values.only);
      const cases = values.stress === undefined ? ALL_CASES : [...ALL_CASES, ...stressCases()];
      // Nothing passes by not running.
      if (!cases.some(({ id, group }) => only.test(id) || only.test(group))) {
        throw new Error(`--only ${values.only} matches no case; the groups are ${GROUPS.join(", ")}`);
      }
    }
    return { ...values, names: values.all || positionals.length === 0 ? Object.keys(DRIVERS) : positionals };
  } catch (error) {
    throw new WrongUsage(`${error.message}\n${USAGE}`);
  }
}

/** Resolves with `{ report }` or `{ problem }`. */
function runDriver(name, { only, seed, strict, stress }, control) {
  return new Promise((settle) => {
    const amount = (text) => (text === undefined ? undefined : Number(text));
    const given = JSON.stringify({ only, seed: amount(seed), strict, stress: amount(stress) });
    const child = fork(CHILD, [name, given], { stdio: ["ignore", 2, 2, "ipc"] });
    control.child = child;
    const progress = progressOf(name);
    let result;
    child.on("message", (message) => {
      if (message.what === "report") result = { report: message.report };
      else if (message.what === "error") result = { problem: message.text };
      else progress.show(message);
    });
    child.once("error", (error) => {
      result ??= { problem: error.message };
    });
    child.once("close", (code, signal) => {
      progress.end();
      settle(result ?? { problem: `its process ended (${signal ?? code}) during ${progress.current}` });
    });
  });
}

/** On a terminal one line that is drawn again; else a line for each group, and for each case that did not pass. */
function progressOf(name) {
  let group = "";
  let current = "set-up";
  const draw = (text) => process.stderr.write(`\r\u001b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
  return {
    get current() {
      return current;
    },
    show({ what, id, title, verdict, done, total, detail, ...rest }) {
      if (what === "start") {
        current = id;
        if (isLive) draw(`${name}  ${done + 1} of ${total}: ${id} ${title}`);
        else if (rest.group !== group) say(`${name}  ${done + 1} of ${total}: ${rest.group}`);
        group = rest.group;
      } else if (!["pass", "not-applicable"].includes(verdict)) {
        if (isLive) draw("");
        say(
          `${name}  ${verdict} ${id} ${title}${detail === undefined ? "" : `\n    ${detail.replace(/\n/g, "\n    ")}`}`,
        );
      }
    },
    end() {
      if (isLive) draw("");
    },
  };
}

/** A row for each driver. */
function driverTable(results) {
  const head = ["driver", "pass", "fail", "unproven", "deviation", "n/a", "seed", "time", "level"];
  const rows = results.map(([name, { report, problem, skipped }]) => {
    if (skipped !== undefined) return [name, "", "", "", "", "", "", "", `SKIPPED: ${skipped}`];
    if (report === undefined) return [name, "", "", "", "", "", "", "", `FAILED: ${problem.split("\n")[0]}`];
    const { counts, passed, isPartial, isCutShort, seed, ms } = report;
    const level =
      isPartial && passed ? "passed, as a part of the kit" : `${passed ? "" : "FAILED, "}${levelLine(report)}`;
    const numbers = [counts.pass, counts.fail + counts.vacuous, counts.unproven, counts.deviation];
    const cells = [...numbers, counts["not-applicable"], seed, `${(ms / 1000).toFixed(1)} s`];
    return [name, ...cells.map(String), isCutShort ? "CUT SHORT" : level];
  });
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
}

async function main() {
  const options = readArguments();
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (options.tables) return tables({ isCheck: options.check });
  const control = { isInterrupted: false, child: undefined };
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      control.child?.kill(control.isInterrupted ? "SIGKILL" : signal);
      control.isInterrupted = true;
    });
  }
  const results = [];
  for (const name of options.names) {
    if (control.isInterrupted) break;
    const skipped = await whyNot(name);
    if (skipped !== undefined) say(skipped);
    results.push([name, skipped === undefined ? await runDriver(name, options, control) : { skipped }]);
    const { problem } = results.at(-1)[1];
    if (problem !== undefined) say(`${name}  FAILED: ${problem}`);
  }
  const reports = results.flatMap(([, { report }]) => (report === undefined ? [] : [report]));
  const table = driverTable(results);
  if (reports.length > 0) {
    const folder = resolve(options["report-dir"]);
    mkdirSync(folder, { recursive: true });
    for (const ending of REPORT_ENDINGS) {
      const file = `conformance${ending}`;
      writeFileSync(join(folder, file), reportForFile(file, reports));
      say(`wrote ${join(options["report-dir"], file)}`);
    }
  }
  if (options.json) console.log(JSON.stringify(reports));
  for (const line of table) (options.json ? say : console.log)(line);
  if (control.isInterrupted) return 130;
  // What was skipped fails nothing; but nothing passes by not running.
  const hasFailed = results.some(([, { report, skipped }]) => skipped === undefined && report?.passed !== true);
  return hasFailed || reports.length === 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof WrongUsage ? error.message : error);
  process.exitCode = error instanceof WrongUsage ? 2 : 1;
}
