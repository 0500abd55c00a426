import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "./support/programs.js";
import { ROOT } from "./support/sources.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-conformance-script-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const script = (...args: string[]) =>
  runProgram(process.execPath, [join("scripts", "conformance.mjs"), ...args, "--report-dir", folder], {
    cwd: ROOT,
    timeoutMs: 120_000,
  });

const written = (ending: string): string => readFileSync(join(folder, `conformance.${ending}`), "utf8");

describe("npm run conformance", () => {
  test("each driver that is named has a row, and all of them three reports", { timeout: 120_000 }, async () => {
    const { exitCode, stdout, stderr } = await script("fake", "zmq", "--only", "^ADDR-0[12]$", "--seed", "5");
    expect(stdout).toMatch(/^driver +pass +fail +unproven/m);
    for (const name of ["fake", "zmq"]) {
      expect(stdout).toMatch(new RegExp(`^${name} +2 +0 +0 +0 +0 +5 +[\\d.]+ s +passed, as a part of the kit$`, "m"));
      expect(stderr).toMatch(new RegExp(`^${name} +1 of 2: addressing$`, "m"));
    }
    const subjects = ["@trunkline/fake", "@trunkline/zmq"];
    expect(JSON.parse(written("json"))).toMatchObject(subjects.map((subject) => ({ subject, seed: 5, passed: true })));
    for (const subject of subjects) {
      expect(written("md")).toContain(`| \`${subject}\` | passed, as a part of the kit |`);
      expect(written("html")).toContain(`<th scope="col">${subject}</th>`);
    }
    expect(exitCode).toBe(0);
  });

  test("with --json the reports are the only output, and with --strict what is unproven fails", async () => {
    const { exitCode, stdout, stderr } = await script("fake", "--only", "^review$", "--json", "--strict");
    expect(JSON.parse(stdout)).toMatchObject([{ subject: "@trunkline/fake", isStrict: true, passed: false }]);
    expect(stderr).toMatch(/^fake +unproven MAN-03 /m);
    expect(exitCode).toBe(1);
  });

  test("a driver whose broker is not installed is skipped aloud, unless it is required", async () => {
    const url = JSON.stringify(pathToFileURL(join(ROOT, "scripts", "conformance-drivers.mjs")).href);
    const source = `
      const { whyNot } = await import(${url});
      const [missing, there] = [() => undefined, () => "here"];
      console.log(JSON.stringify([
        await whyNot("rabbit+oslo", { required: "", findServer: missing }),
        await whyNot("rabbit+oslo", { required: "", findServer: there }) ?? "tested",
        await whyNot("rabbit", { required: "oslo,rabbit", findServer: missing }) ?? "tested",
        await whyNot("zmq", { required: "", findServer: missing }) ?? "tested",
      ]));
    `;
    const { stdout } = await runProgram(process.execPath, ["--input-type=module", "-e", source], { cwd: ROOT });
    const told = "NO RABBITMQ: rabbit+oslo IS NOT TESTED; npm run brokers -- install rabbit";
    expect(JSON.parse(stdout)).toEqual([told, "tested", "tested", "tested"]);
  });

  test.each([
    [["carrier-pigeon"], 'there is no driver "carrier-pigeon"'],
    [["--only", "^adressing$"], "matches no case; the groups are rpc.call"],
    [["--only", "("], "Invalid regular expression"],
    [["--seed", "x"], "--seed must be a whole number"],
    [["--nonsense"], "nonsense"],
  ])("%s is wrong usage", async (args, told) => {
    const { exitCode, stdout, stderr } = await script(...args);
    expect(stderr).toContain(told);
    expect(stderr).toContain("usage: npm run conformance");
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });
});
