/**
 * The conformance kit against drivers that are broken on purpose: which of the cases that are listed for a mutant fail it.
 *
 *   npm run mutants [-- [ID …] [--quick] [--unchanged] [--json]]
 *   npm run mutants -- --table [--check]     the table of docs/mutants.md
 *
 * `--quick`: of each list the first case. `--unchanged`: the wrapper without a fault as well, which must pass every case.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { judgeMutant, MUTANTS, mutantTable, runConformance, unchanged } from "@trunkline/conformance";
import { harnessAround, harnessOf } from "./mutant-harness.mjs";

const PAGE = fileURLToPath(new URL(join("..", "docs", "mutants.md"), import.meta.url));
const BEGIN = "<!-- mutants: npm run mutants -- --table -->";
const END = "<!-- end of mutants -->";
const MARKS = { killed: "", hung: " (its deadline)", survived: " (PASSES)", "not-run": " (not run)" };

class WrongUsage extends Error {}

function readArguments() {
  const flag = { type: "boolean", default: false };
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: flag, unchanged: flag, json: flag, table: flag, check: flag },
    });
    const strange = positionals.find((id) => !MUTANTS.some((mutant) => mutant.id === id || mutant.name === id));
    if (strange !== undefined)
      throw new Error(`there is no mutant ${strange}; there are ${MUTANTS.map(({ id }) => id).join(", ")}`);
    const isWanted = ({ id, name }) =>
      positionals.length === 0 || positionals.includes(id) || positionals.includes(name);
    return { ...values, mutants: MUTANTS.filter(isWanted) };
  } catch (error) {
    throw new WrongUsage(error.message);
  }
}

/** Writes the table into the page, or says whether the page has it. */
function table({ check }) {
  const page = readFileSync(PAGE, "utf8");
  const [head, rest = ""] = page.split(BEGIN);
  const [, foot] = rest.split(END);
  if (foot === undefined) throw new Error(`docs/mutants.md lacks ${BEGIN} or ${END}`);
  const wanted = `${head}${BEGIN}\n\n${mutantTable(MUTANTS)}\n\n${END}${foot}`;
  if (page === wanted) return 0;
  if (check) {
    console.error("the table of docs/mutants.md is stale; npm run mutants -- --table writes it");
    return 1;
  }
  writeFileSync(PAGE, wanted);
  return 0;
}

function show({ mutant, verdict, attempts }) {
  const cases = attempts.map(({ caseId, kill, ms }) => `${caseId}${MARKS[kill] || ` ${(ms / 1000).toFixed(1)} s`}`);
  return `${mutant.id}  ${mutant.name.padEnd(22)}${verdict.padEnd(14)}${cases.join("  ")}`;
}

async function main() {
  const options = readArguments();
  if (options.table) return table(options);
  const results = [];
  for (const mutant of options.mutants) {
    const killers = options.quick ? mutant.killers.slice(0, 1) : mutant.killers;
    const result = await judgeMutant(mutant, harnessOf(mutant), { killers, seed: 7 });
    results.push(result);
    console.error(show(result));
  }
  let problems = [];
  if (options.unchanged) {
    const report = await runConformance({ harness: harnessAround(unchanged, "unchanged"), seed: 7 });
    const bad = report.cases.filter(({ verdict }) => verdict === "fail" || verdict === "vacuous");
    problems = bad.map(({ id, detail }) => `the wrapper without a fault fails ${id}: ${detail}`);
    for (const problem of problems) console.error(problem);
  }
  const of = (verdict) => results.filter((result) => result.verdict === verdict);
  const strays = results.filter(({ isAsListed }) => !isAsListed);
  if (options.json) {
    const rows = results.map(({ mutant, ...result }) => ({ id: mutant.id, name: mutant.name, ...result }));
    console.log(JSON.stringify({ mutants: rows, problems }));
  }
  const counts = ["killed", "weakly-killed", "survived", "not-run"].map(
    (verdict) => `${of(verdict).length} ${verdict}`,
  );
  console.error(`${results.length} mutants: ${counts.join(", ")}`);
  return of("killed").length === results.length && strays.length === 0 && problems.length === 0 ? 0 : 1;
}

let code = 1;
try {
  code = await main();
} catch (error) {
  console.error(error instanceof WrongUsage ? error.message : error);
  code = error instanceof WrongUsage ? 2 : 1;
}
// What a mutant has left open keeps no process alive that is done.
process.stdout.write("", () => process.exit(code));
