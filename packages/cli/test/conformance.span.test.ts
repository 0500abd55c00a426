import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ALL_CASES } from "@trunkline/conformance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CommandProcess, ROOT, runProcess } from "./support/command-process.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-cli-"));
  installBroken();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A driver package that only this folder has: the fake, which forgets whom a message is for. */
function installBroken(): void {
  const home = join(folder, "node_modules", "trunkline-driver-broken");
  mkdirSync(home, { recursive: true });
  const entryOf = (name: string): string =>
    JSON.stringify(pathToFileURL(join(ROOT, "packages", name, "dist", "index.js")).href);
  writeFileSync(
    join(home, "package.json"),
    JSON.stringify({ name: "trunkline-driver-broken", type: "module", exports: "./index.js" }),
  );
  writeFileSync(
    join(home, "index.js"),
    `import { MUTANTS } from ${entryOf("conformance")};
     import { driver as fake } from ${entryOf("fake")};
     const broken = MUTANTS.find(({ name }) => name === "ignore-server").wrap(fake);
     export const driver = Object.assign(Object.create(broken), { scheme: "broken" });
    `,
  );
}

test("the table goes to stderr, the verdict to stdout, and exit 0 says that it passed", async () => {
  const { exitCode, stdout, stderr } = await runProcess(
    "conformance",
    "fake://",
    "--only",
    "^addressing$",
    "--seed",
    "7",
  );
  expect(stderr).toMatch(/^A3 +held +\d+ /m);
  expect(JSON.parse(stdout)).toMatchObject({ subject: "fake://", passed: true, seed: 7, counts: { fail: 0 } });
  expect(exitCode).toBe(0);
});

test("each case is named before it runs, so that one that never ends is known", async () => {
  const { stderr } = await runProcess("conformance", "fake://", "--only", "^ADDR-0[12]$");
  const named = stderr.match(/^\d of 2: ADDR-0\d /gm);
  expect(named).toEqual(["1 of 2: ADDR-01 ", "2 of 2: ADDR-02 "]);
});

test("with --json the whole report goes to stdout and nothing to stderr", async () => {
  const { exitCode, stdout, stderr } = await runProcess("conformance", "fake://", "--only", "^ADDR-01$", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ cases: [{ id: "ADDR-01", verdict: "pass" }] });
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
});

test.each([
  ["json", /"id": "ADDR-01"/],
  ["md", /^\| ADDR-01 \| A3 \| pass \|/m],
  ["html", /<!doctype html>[\s\S]*ADDR-01/],
])("--report writes the whole report as %s, by the name's ending", async (ending, told) => {
  const file = join(folder, `report.${ending}`);
  const { exitCode } = await runProcess("conformance", "fake://", "--only", "^ADDR-01$", "--report", file);
  expect(readFileSync(file, "utf8")).toMatch(told);
  expect(exitCode).toBe(0);
});

test("a report of no known kind is wrong usage before anything runs, and one that cannot be written after", async () => {
  const run = (file: string) => runProcess("conformance", "fake://", "--only", "^ADDR-01$", "--report", file);
  const strange = await run("report.pdf");
  expect(strange).toMatchObject({ exitCode: 2, stdout: "" });
  expect(strange.stderr).toContain("a report's name ends in .json, .md, .html");
  expect(strange.stderr).not.toContain("1 of 1");
  const nowhere = await run(join(folder, "no", "such", "folder.md"));
  expect(nowhere.exitCode).toBe(2);
  expect(nowhere.stderr).toContain("cannot be written");
});

test("with --dead the cases about a backend that does not answer run", async () => {
  const home = join(folder, "node_modules", "trunkline-driver-gone");
  mkdirSync(home, { recursive: true });
  const entryOf = (name: string): string =>
    JSON.stringify(pathToFileURL(join(ROOT, "packages", name, "dist", "index.js")).href);
  writeFileSync(
    join(home, "package.json"),
    JSON.stringify({ name: "trunkline-driver-gone", type: "module", exports: "./index.js" }),
  );
  writeFileSync(
    join(home, "index.js"),
    `import { driver as fake, fakeBus } from ${entryOf("fake")};
     fakeBus("dead").cut();
     export const driver = Object.assign(Object.create(fake), { scheme: "gone" });
    `,
  );
  const words = ["conformance", "gone://live", "--only", "^ERR-09$", "--strict"];
  const without = await new CommandProcess(words, { cwd: folder }).ended;
  expect(JSON.parse(without.stdout)).toMatchObject({ passed: false, counts: { unproven: 1 } });
  const { stdout } = await new CommandProcess([...words, "--dead", "gone://dead"], { cwd: folder }).ended;
  expect(JSON.parse(stdout)).toMatchObject({ passed: true, counts: { pass: 1 } });
});

describe("of a driver that breaks a promise", () => {
  test("the case is named, and the exit code is 1", async () => {
    const command = new CommandProcess(["conformance", "broken://", "--only", "^ADDR-01$"], { cwd: folder });
    const { exitCode, stdout, stderr } = await command.ended;
    expect(stderr).toContain("FAIL ADDR-01");
    expect(JSON.parse(stdout)).toMatchObject({ passed: false, counts: { fail: 1 } });
    expect(exitCode).toBe(1);
  });

  test("SIGINT ends the run, with what was judged until then", async () => {
    const command = new CommandProcess(["conformance", "broken://", "--json"], { cwd: folder });
    await command.until(({ stderr }) => stderr.includes(": fail "));
    const { exitCode, stdout } = await command.end("SIGINT");
    const { cases }: { cases: unknown[] } = JSON.parse(stdout);
    expect(cases.length).toBeGreaterThan(0);
    expect(cases.length).toBeLessThan(ALL_CASES.length);
    expect(exitCode).toBe(130);
  });
});

test.each([
  ["(", "--only is no regular expression"],
  ["^adressing$", "matches no case; did you mean addressing?"],
])("--only %s is wrong usage", async (pattern, told) => {
  const { exitCode, stdout, stderr } = await runProcess("conformance", "fake://", "--only", pattern);
  expect(stderr).toContain(told);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
});

test("without the kit it says what to install, and every other command works", async () => {
  const home = join(folder, "alone", "node_modules");
  const own = join(home, "trunkline");
  mkdirSync(join(home, "@trunkline"), { recursive: true });
  for (const part of ["dist", "package.json"]) {
    cpSync(join(ROOT, "packages", "cli", part), join(own, part), { recursive: true });
  }
  for (const name of ["core", "fake"])
    symlinkSync(join(ROOT, "packages", name), join(home, "@trunkline", name), "junction");
  const main = join(own, "dist", "main.js");
  const run = (...words: string[]) => new CommandProcess(words, { main, cwd: join(folder, "alone") }).ended;
  const { exitCode, stdout, stderr } = await run("conformance", "fake://");
  expect(stderr).toContain("npm install --save-dev @trunkline/conformance");
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(await run("fanout", "fake://", "t", "m")).toMatchObject({ exitCode: 0, stdout: '{"accepted":0,"lost":0}\n' });
});

test("a backend that cannot be opened is said once", async () => {
  const { exitCode, stdout, stderr } = await runProcess("conformance", "fake://?nonsense=1");
  expect(stderr.match(/nonsense/g)).toHaveLength(1);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
});
