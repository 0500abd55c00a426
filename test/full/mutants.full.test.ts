import { join } from "node:path";
import { MUTANTS } from "@trunkline/conformance";
import { expect, test } from "vitest";
import { runProgram } from "../support/programs.js";
import { ROOT } from "../support/sources.js";

/** One row of the command's JSON. */
interface Row {
  readonly id: string;
  readonly verdict: string;
  readonly attempts: readonly { readonly caseId: string; readonly kill: string; readonly detail?: string }[];
}

/** Cases that the in-memory driver cannot show: `mutants-over-sockets.full.test.ts` has them. */
const OVER_SOCKETS = ["SEC-01"];

test("every mutant fails each of its cases by itself, and the wrapper without a fault passes all", {
  timeout: 600_000,
}, async () => {
  const args = [join("scripts", "mutants.mjs"), "--unchanged", "--json"];
  const { exitCode, stdout, stderr } = await runProgram(process.execPath, args, { cwd: ROOT, timeoutMs: 590_000 });
  const { mutants, problems }: { mutants: Row[]; problems: string[] } = JSON.parse(stdout);
  expect(problems).toEqual([]);
  expect(mutants.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual(MUTANTS.map(({ id }) => `${id} killed`));
  const others = mutants.flatMap(({ id, attempts }) =>
    attempts.filter(({ kill }) => kill !== "killed").map(({ caseId, kill }) => `${id} ${caseId} ${kill}`),
  );
  expect(others.filter((line) => !OVER_SOCKETS.some((id) => line.includes(id)))).toEqual([]);
  expect(exitCode, stderr).toBe(0);
});
