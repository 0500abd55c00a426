import { join } from "node:path";
import { expect, test } from "vitest";
import { runProgram } from "../support/programs.js";
import { ROOT } from "../support/sources.js";

test("the tables of drivers and of clauses are what the manifests and the kit say: npm run conformance -- --tables", async () => {
  const args = [join("scripts", "conformance.mjs"), "--tables", "--check"];
  const { exitCode, stderr } = await runProgram(process.execPath, args, { cwd: ROOT });
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
});
