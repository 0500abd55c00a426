/**
 * The one command behind every script of the root package.json. Plain Node, no dependency: it works on a bare machine.
 *
 *   node scripts/dev.mjs start|build|check|test|test:full|conformance|mutants|bench|runtimes|brokers [--] [arguments]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { brokers } from "./brokers.mjs";
import { build, install, lint } from "./house.mjs";
import { exitCodeOf, ROOT, runNode } from "./processes.mjs";
import { Tally } from "./tally.mjs";
import { SUITES, vitest } from "./tests.mjs";

const COMMANDS = {
  async start(args) {
    await prepare();
    return runNode([join("examples", "cloud", "dist", "main.js"), ...args]);
  },

  async build() {
    await prepare();
    return 0;
  },

  check: (args) => runSuites("check", args),
  test: (args) => runSuites("test", args),
  "test:full": (args) => runSuites("test:full", args),

  async conformance(args) {
    await prepare();
    return runNode([join("scripts", "conformance.mjs"), ...args]);
  },

  async bench(args) {
    const entry = join("bench", "main.mjs");
    if (!existsSync(join(ROOT, entry))) throw new Error(`there is no ${entry} in this checkout`);
    await prepare();
    return runNode([entry, ...args]);
  },

  async mutants(args) {
    await prepare();
    return runNode([join("scripts", "mutants.mjs"), ...args]);
  },

  async stress(args) {
    await prepare();
    return runNode([join("scripts", "stress.mjs"), ...args]);
  },

  async soak(args) {
    await prepare();
    return runNode([join("scripts", "soak.mjs"), ...args]);
  },

  async runtimes(args) {
    await prepare();
    return runNode([join("scripts", "runtimes.mjs"), ...args]);
  },

  brokers: (args) => brokers(args),
};

async function prepare() {
  await install();
  await build();
}

/**
 * A step that is no test runner (types, lint) counts only where it fails. Tests do not run on output that was not built:
 * what they said would be of an older state. The last line is the sum.
 */
async function runSuites(name, args) {
  const tally = new Tally();
  try {
    await install();
    const isBuilt = await tally.step("types", () => build({ tests: true }));
    await tally.step("lint", () => lint());
    if (isBuilt) tally.add(await vitest(SUITES[name], args));
  } catch (error) {
    tally.failStep("set-up", error);
  }
  return tally.report();
}

const [command, ...rest] = process.argv.slice(2);
const args = rest[0] === "--" ? rest.slice(1) : rest;
const run = Object.hasOwn(COMMANDS, command ?? "") ? COMMANDS[command] : undefined;
if (run === undefined) {
  console.error(`usage: node scripts/dev.mjs ${Object.keys(COMMANDS).join("|")} [--] [arguments]`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await run(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = exitCodeOf(error);
  }
}
