import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram } from "./support/programs.js";
import { ROOT } from "./support/sources.js";

const script = (name: string, ...args: string[]) =>
  runProgram(process.execPath, [join("scripts", `${name}.mjs`), ...args], { cwd: ROOT, timeoutMs: 120_000 });

describe("npm run stress", () => {
  test("what was seen is a row for each case, and with --json the only output", { timeout: 120_000 }, async () => {
    const args = ["fake://", "--seconds", "1", "--seed", "7", "--only", "^STR-0[36]$"];
    const shown = await script("stress", ...args);
    expect(shown.stdout).toMatch(/^@trunkline\/fake +STR-03 +pass .*\n@trunkline\/fake +STR-06 +pass .*\nseed 7\n$/m);
    expect(shown.exitCode).toBe(0);
    const { stdout } = await script("stress", ...args, "--json");
    expect(JSON.parse(stdout)).toMatchObject([{ subject: "@trunkline/fake", seed: 7, passed: true }]);
  });

  test.each([
    [["--seconds", "0"], "--seconds must be a number above 0, got 0"],
    [["--seed", "x"], "--seed must be a whole number, got x"],
    [["--only", "("], "--only must be a regular expression: "],
    [["--only", "^ADDR-01$"], "--only ^ADDR-01$ matches none of STR-01"],
    [["--program", "[{"], '--program must be what a failed run has after "replay:": '],
    [["--program", '[{"do":"dance"}]'], "no operation: "],
    [["zmq"], '"zmq" is no URL; try one of fake://'],
    [["pigeon://here"], "pigeon"],
    [["--all", "zmq://"], "--all and zmq:// do not go together"],
    [["--nonsense"], "nonsense"],
  ])("%s is wrong usage", async (args, told) => {
    const { exitCode, stdout, stderr } = await script("stress", ...args);
    expect(stderr).toContain(told);
    expect(stderr).toContain("usage: npm run stress");
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });
});

describe("npm run soak", () => {
  test.each([
    [["--minutes=-1"], "--minutes must be a number above 0, got -1"],
    [["--minutes", "soon"], "--minutes must be a number above 0, got soon"],
    [["--seed", "1.5"], "--seed must be a whole number, got 1.5"],
    [["fake://", "zmq://"], "one URL, not fake:// zmq://"],
    [["5"], '"5" is no URL; try one of fake://'],
    [["pigeon://here"], "pigeon"],
    [["--nonsense"], "nonsense"],
  ])("%s is wrong usage", async (args, told) => {
    const { exitCode, stdout, stderr } = await script("soak", ...args);
    expect(stderr).toContain(told);
    expect(stderr).toContain("usage: npm run soak");
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });
});
