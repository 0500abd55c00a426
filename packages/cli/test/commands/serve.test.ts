import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningCommand, resultOf, run } from "../support/run-command.js";

const URL = "fake://cli-serve?discoveryMs=1";
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-cli-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function moduleOf(name: string, source: string): string {
  const file = join(folder, name);
  writeFileSync(file, source);
  return file;
}

const serve = (file: string): RunningCommand =>
  new RunningCommand(["serve", URL, "t", "--server", "s", "--module", file]);

test.each([
  ["serve", ["--server", "s"]],
  ["listen", []],
])("%s that a signal ends before it is ready has ended as asked", async (name, words) => {
  const command = new RunningCommand([name, URL, "early", ...words]);
  expect(await command.interrupt()).toBe(0);
  expect([command.stdout.text, command.stderr.text]).toEqual(["", ""]);
});

describe("the ready-made endpoint", () => {
  test("keeps notes, and gives them back", async () => {
    const server = await new RunningCommand(["serve", URL, "notes", "--server", "s"]).ready();
    expect(await resultOf("call", URL, "notes", "seen")).toEqual([]);
    expect(await resultOf("call", URL, "notes", "note", '{"a": 1}')).toBe(1);
    expect(await resultOf("call", URL, "notes", "note", "{}")).toBe(2);
    expect(await resultOf("call", URL, "notes", "seen")).toEqual([{ a: 1 }, {}]);
    expect(await server.interrupt("SIGINT")).toBe(0);
    expect(server.stdout.text).toBe("");
    expect(server.stderr.text).toBe("ready\n");
  });

  test("stops sleeping when the caller gives up, so that it can end", async () => {
    const server = await new RunningCommand(["serve", URL, "sleepy", "--server", "s"]).ready();
    const { exitCode } = await run("call", URL, "sleepy", "sleep", '{"ms": 100000}', "--timeout", "20");
    expect(exitCode).toBe(3);
    expect(await server.interrupt()).toBe(0);
  });

  test("says what failed", async () => {
    const server = await new RunningCommand(["serve", URL, "failing", "--server", "s"]).ready();
    await run("call", URL, "failing", "fail", '{"message": "as asked"}');
    await server.stderr.until((text) => text.includes("failing: fail failed: Error: as asked"));
    expect(await server.interrupt()).toBe(0);
  });
});

test("an error's own details are shown", async () => {
  const source = 'export default { pay() { throw Object.assign(new Error("too little"), { missing: 3 }); } };';
  const server = await serve(moduleOf("details.mjs", source)).ready();
  const { exitCode, stderr } = await run("call", URL, "t", "pay");
  expect(stderr).toMatch(/too little \{"missing":3\}\n/);
  expect(exitCode).toBe(1);
  expect(await server.interrupt()).toBe(0);
});

describe("--module", () => {
  test.each([
    ["default, one endpoint", "one.mjs", "export default { hello: ({ name }) => `Hello, ${name}!` };"],
    [
      "endpoints, an array",
      "many.mjs",
      "export const endpoints = [{ bye() {} }, { hello: ({ name }) => `Hello, ${name}!` }];",
    ],
    [
      "an instance of a class",
      "class.mjs",
      "class A { hello({ name }) { return `Hello, ${name}!`; } }\nexport default new A();",
    ],
    ["CommonJS", "common.cjs", "exports.endpoints = { hello: ({ name }) => `Hello, ${name}!` };"],
    ["CommonJS, whole", "whole.cjs", "module.exports = { hello: ({ name }) => `Hello, ${name}!` };"],
  ])("%s", async (_what, name, source) => {
    const server = await serve(moduleOf(name, source)).ready();
    expect(await resultOf("call", URL, "t", "hello", '{"name": "Ada"}')).toBe("Hello, Ada!");
    expect(await server.interrupt()).toBe(0);
  });

  test("an endpoint's target gives its namespace, version and legacy namespaces", async () => {
    const source = `
      export const endpoints = [
        { target: { namespace: "admin", version: "2.3", legacyNamespaces: ["root"] }, who: () => "admin" },
        { target: { version: "1.1" }, who: () => "everybody" },
      ];`;
    const server = await serve(moduleOf("target.mjs", source)).ready();
    const who = (...options: string[]) => run("call", URL, "t", "who", ...options);
    expect((await who()).stdout).toBe('"everybody"\n');
    expect((await who("--namespace", "admin", "--version", "2.3")).stdout).toBe('"admin"\n');
    expect((await who("--namespace", "root", "--version", "2.0")).stdout).toBe('"admin"\n');
    expect((await who("--namespace", "admin", "--version", "2.4")).exitCode).toBe(1);
    expect((await who("--version", "1.2")).exitCode).toBe(1);
    expect(await server.interrupt()).toBe(0);
  });

  test.each([
    ["no export", "empty.mjs", "const x = 1;", "has no endpoints: it exports nothing"],
    [
      "another export",
      "misspelt.mjs",
      "export const endpoint = { a() {} };",
      'exports only endpoint (is it "endpoint"?)',
    ],
    ["no method", "bare.mjs", "export default { a: 1 };", "exposes no method"],
    ["an empty array", "none.mjs", "export default [];", 'its export "default" is an empty array'],
    ["a class", "aclass.mjs", "export default class A { a() {} }", "a class; export an instance of it"],
    ["a function", "afunction.mjs", "export default () => {};", "function; export an object with methods"],
    ["null within an array", "null.mjs", "export default [{ a() {} }, null];", "null; export an object with methods"],
    ["a throw", "throws.mjs", 'throw new RangeError("out of luck");', "could not be loaded: RangeError: out of luck"],
    ["a thrown string", "string.mjs", 'throw "out of luck";', "could not be loaded: it threw out of luck"],
    ["a syntax error", "syntax.mjs", "export default {", "could not be loaded: "],
    ["a missing import", "imports.mjs", 'import "./not-there.mjs";', "could not be loaded: Error"],
    ["a bad target", "badtarget.mjs", 'export default { target: { version: "x" }, a() {} };', "target.version"],
  ])("%s is refused", async (_what, name, source, told) => {
    const server = serve(moduleOf(name, source));
    expect(await server.exitCode).toBe(2);
    expect(server.stderr.text).toContain(told);
    expect(server.stderr.text).not.toContain("ready");
    expect(server.stdout.text).toBe("");
  });

  test("a file that does not exist is refused, with where it was looked for", async () => {
    const server = serve(join(folder, "not-there.mjs"));
    expect(await server.exitCode).toBe(2);
    expect(server.stderr.text).toContain(`there is no such file (${join(folder, "not-there.mjs")})`);
    expect(await serve(folder).exitCode).toBe(2);
  });
});
