import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { runProgram } from "../support/programs.js";
import { ROOT, read } from "../support/sources.js";

const dev = (...args: string[]) => runProgram(process.execPath, [join("scripts", "dev.mjs"), ...args], { cwd: ROOT });

/** Evaluates a line of code in which `tally` and `tests` are the modules of those names. */
function evaluate(code: string) {
  const url = (name: string): string => JSON.stringify(pathToFileURL(join(ROOT, "scripts", name)).href);
  const source = `const tally = await import(${url("tally.mjs")}); const tests = await import(${url("tests.mjs")}); ${code}`;
  return runProgram(process.execPath, ["--input-type=module", "-e", source], { cwd: ROOT });
}

test("every script of the root is a command of dev.mjs", async () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"));
  for (const [name, line] of Object.entries(scripts)) expect(line).toBe(`node scripts/dev.mjs ${name}`);
  const { exitCode, stderr } = await dev("nonsense");
  expect(exitCode).toBe(2);
  for (const name of Object.keys(scripts)) expect(stderr).toContain(name);
});

test("the sum of what ran is the last line, and a failure is the exit code", async () => {
  const well = await evaluate(
    "const t = new tally.Tally(); t.add({ passed: 3, failed: 0, skipped: 0 }); process.exitCode = t.report();",
  );
  expect(well).toMatchObject({ exitCode: 0, stdout: "3 passed, 0 failed\n" });
  const mixed = await evaluate(
    'const t = new tally.Tally(); t.add({ passed: 3, failed: 1, skipped: 2 }); await t.step("lint", () => { throw new Error("no"); }); process.exitCode = t.report();',
  );
  expect(mixed).toMatchObject({ exitCode: 1, stdout: "3 passed, 2 failed, 2 skipped\n" });
});

test("nothing passes by not running", async () => {
  const { stdout } = await evaluate(
    'console.log(JSON.stringify(await tests.vitest(["house"], ["no-such-file", "--passWithNoTests=false"])));',
  );
  expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ passed: 0, failed: 1 });
});

test("brokers say what is there, and what they are asked for must exist", async () => {
  const status = await dev("brokers", "--", "status");
  expect(status.exitCode).toBe(0);
  expect(status.stdout.match(/^\w+/gm)).toEqual(["rabbit", "redis", "nats", "oslo", "pyzmq"]);
  expect((await dev("brokers", "status", "oslo")).stdout).toMatch(/^oslo +\S+python3 +(not )?installed\n$/);
  for (const name of ["carrier-pigeon", "oslo", "pyzmq"])
    expect((await dev("brokers", "start", name)).exitCode).toBe(2);
}, 120_000);

test("runtimes say which there are, and what they are asked for must exist", async () => {
  const runtimes = (...args: string[]) =>
    runProgram(process.execPath, [join("scripts", "runtimes.mjs"), ...args], { cwd: ROOT });
  const { exitCode, stdout } = await runtimes("--list");
  expect(exitCode).toBe(0);
  expect(stdout.match(/^\w+/gm)).toEqual(["node22", "node24", "bun", "deno"]);
  // Pinned, as every other tool is.
  for (const line of stdout.trim().split("\n")) expect(line).toMatch(/@\d+\.\d+\.\d+$/);
  for (const strange of [["carrier-pigeon"], ["bun", "--driver", "pigeon"], ["--seed", "x"]]) {
    expect((await runtimes(...strange)).exitCode).toBe(2);
  }
}, 60_000);

test.skipIf(process.platform === "win32")("CI's entry can be run", () => {
  expect(() => accessSync(join(ROOT, ".ci", "run"), constants.X_OK)).not.toThrow();
  expect(read(".ci/run")).toMatch(/npm run brokers .*install \|\|.*\nnpm test --silent\n$/);
});
