import { expect, test } from "vitest";
import { COMMANDS } from "../../src/program.js";
import { run } from "../support/run-command.js";

test.each([
  [["call", "fake://", "t", "m", "--timout", "5"], "there is no option --timout; did you mean --timeout?"],
  [["call", "fake://", "t", "m", "--nonsense"], "there is no option --nonsense"],
  [["call", "fake://", "t", "m", "-5"], 'write "--" before a value that begins with a dash'],
  [["call", "fake://", "t"], "METHOD is missing: what is asked of them"],
  [["call"], "URL is missing"],
  [["call", "fake://", "t", "m", "{}", "more"], '"more" is one argument too many'],
  [["call", "fake://", "t", "m", '{"a":', "1}"], "quote the JSON for the shell"],
  [["call", "fake://", "t", "m", "--server"], "--server needs a value, NAME"],
  [["call", "fake://", "t", "m", "--server", "--timeout", "5"], "--server=--timeout"],
  [["call", "fake://", "t", "m", "--server="], "--server needs a value"],
  [["call", "fake://", "t", "m", "--server", "a", "--server", "b"], "--server is given twice"],
  [["call", "fake://", "t", "m", "--timeout", "0"], "--timeout must be milliseconds above 0"],
  [["call", "fake://", "t", "m", "--timeout", "5s"], '"5s"'],
  [["call", "fake://", "t", "m", "--timeout", "1e9"], "--timeout must be"],
  [["call", "fake://", "t", "m", "--timeout", "99999999999"], "at most 2147483647"],
  [["call", "fake://", "t", "m", "[1]"], "params must be a JSON object"],
  [["call", "fake://", "t", "m", "--context", "1"], "--context must be a JSON object"],
  [["call", "fake://", "t", "m", "--version", "1"], '--version must be major.minor or major.minor.revision, got "1"'],
  [["fanout", "fake://", "t", "m", "--server", "a"], "there is no option --server"],
  [["listen", "fake://"], "TOPIC is missing"],
  [["listen", "fake://", "t", "--count", "0"], "--count must be a whole number of 1 or more"],
  [["listen", "fake://", "t", "--count", "1.5"], "--count must be a whole number of 1 or more"],
  [["listen", "fake://", "t", "--priority", "warning"], 'there is no priority "warning": did you mean warn?'],
  [["listen", "fake://", "t", "--priority", "inf"], '--priority: there is no priority "inf": did you mean info?'],
  [["notify", "fake://", "t", "inof", "e"], 'PRIORITY: there is no priority "inof": did you mean info?'],
  [["notify", "fake://", "t", "info,warn", "e"], "an event has one PRIORITY"],
  [["serve", "fake://", "t"], "--server NAME is missing"],
  [["drivers", "--json=yes"], "--json takes no value"],
])("%j is wrong usage: %s", async (words, told) => {
  const { exitCode, stdout, stderr } = await run(...words);
  expect(stderr).toContain(told);
  expect(stderr).toContain(`usage: trunkline ${words[0]} `);
  expect(stdout).toBe("");
  expect(exitCode).toBe(2);
});

test.each([
  [[], "which command?"],
  [["cal"], "there is no command cal; did you mean call?"],
  [["--verison"], "there is no option --verison"],
])("%j names no command", async (words, told) => {
  const { exitCode, stdout, stderr } = await run(...words);
  expect(stderr).toContain(told);
  expect(stderr).toContain("usage: trunkline ");
  expect(stdout).toBe("");
  expect(exitCode).toBe(2);
});

test("a value after -- may begin with a dash", async () => {
  const { exitCode, stderr } = await run("call", "--", "fake://", "t", "m", "-5");
  expect(stderr).toContain("params must be a JSON object");
  expect(exitCode).toBe(2);
});

test("--version says the package's version", async () => {
  const { exitCode, stdout } = await run("--version");
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(exitCode).toBe(0);
});

test.each([["--help"], ["-h"], ["help"]])("%s lists every command", async (word) => {
  const { exitCode, stdout } = await run(word);
  for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
  expect(exitCode).toBe(0);
});

test.each(COMMANDS.map(({ name, operands, options }) => ({ name, operands, options })))(
  "$name --help explains each operand and option",
  async ({ name, operands, options }) => {
    for (const words of [
      [name, "--help"],
      [name, "-h"],
      ["help", name],
    ]) {
      const { exitCode, stdout } = await run(...words);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`usage: trunkline ${name}`);
      for (const option of options) expect(stdout).toContain(`--${option.name}`);
      for (const { help } of [...operands, ...options]) expect(stdout).toContain(help);
    }
  },
);
