import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CommandProcess, ROOT, runProcess } from "./support/command-process.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-cli-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("a wrong command line exits 2 with nothing on stdout", async () => {
  expect(await runProcess("call", "fake://", "t", "m", "{")).toMatchObject({
    exitCode: 2,
    stdout: "",
    stderr: expect.stringContaining("not JSON at line 1, column 2"),
  });
});

test("drivers exits 0 with one JSON value on stdout and nothing on stderr", async () => {
  const { exitCode, stdout, stderr } = await runProcess("drivers");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual(expect.arrayContaining([expect.objectContaining({ scheme: "fake" })]));
});

test("a module that cannot be parsed is named, with how to see the place", async () => {
  const file = join(folder, "broken.mjs");
  writeFileSync(file, "export default {\n  hello( {}\n};\n");
  const { exitCode, stderr } = await runProcess("serve", "fake://", "t", "--server", "s", "--module", file);
  expect(stderr).toContain("could not be loaded: SyntaxError");
  expect(stderr).toContain(`node --check ${file} shows where`);
  expect(exitCode).toBe(2);
});

test("a module that throws is named with the place", async () => {
  const file = join(folder, "throws.mjs");
  writeFileSync(file, '\nthrow new RangeError("out of luck");\n');
  const { exitCode, stderr } = await runProcess("serve", "fake://", "t", "--server", "s", "--module", file);
  expect(stderr).toContain("could not be loaded: RangeError: out of luck");
  expect(stderr).toContain("throws.mjs:2:7");
  expect(exitCode).toBe(2);
});

describe("on a backend that keeps no process alive", () => {
  test.each([
    ["serve", ["t", "--server", "s"]],
    ["listen", ["t"]],
  ])("%s runs until a signal ends it, cleanly", async (name, words) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const command = await new CommandProcess([name, "fake://", ...words]).ready();
      expect(await command.end(signal)).toEqual({ exitCode: 0, signal: null, stdout: "", stderr: "ready\n" });
    }
  });
});

test("a file of the working directory is taken as the module", async () => {
  writeFileSync(join(folder, "mine.mjs"), 'import { openTransport } from "nowhere-to-be-found";');
  const command = new CommandProcess(["serve", "fake://", "t", "--server", "s", "--module", "mine.mjs"], {
    cwd: folder,
  });
  const { exitCode, stderr } = await command.ended;
  expect(stderr).toContain("nowhere-to-be-found");
  expect(exitCode).toBe(2);
});

test("a driver that is installed where the command is, is found from anywhere", async () => {
  const command = new CommandProcess(["cast", "fake://?discoveryMs=1", "t", "m"], { cwd: folder });
  expect(await command.ended).toMatchObject({ exitCode: 4, stdout: "" });
});

test("a driver that leaves something open does not keep the command", async () => {
  const home = join(folder, "node_modules", "trunkline-driver-leaky");
  mkdirSync(home, { recursive: true });
  const fake = JSON.stringify(pathToFileURL(join(ROOT, "packages", "fake", "dist", "index.js")).href);
  const manifest = { name: "trunkline-driver-leaky", type: "module", exports: "./index.js" };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  writeFileSync(
    join(home, "index.js"),
    `import { driver as fake } from ${fake};
     const open = (...given) => { setInterval(() => {}, 1_000); return fake.open(...given); };
     export const driver = Object.assign(Object.create(fake), { scheme: "leaky", open });
    `,
  );
  const ended = await new CommandProcess(["fanout", "leaky://", "t", "m"], { cwd: folder }).ended;
  expect(ended).toMatchObject({ exitCode: 0, signal: null, stdout: '{"accepted":0,"lost":0}\n' });
  expect(ended.stderr).toContain("left something open");
});
