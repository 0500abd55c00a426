/**
 * The stress cases of the kit, on the drivers of this repository or on any URL.
 *
 *   npm run stress [-- URL … | --all] [--seconds N] [--seed N] [--only REGEXP] [--program JSON] [--json]
 *
 * Without a URL: fake:// and zmq://. `--all`: rabbit:// and rabbit+oslo:// too, which need RabbitMQ installed.
 */
import { parseArgs } from "node:util";
import { parseProgram, runConformance, stressCases } from "@trunkline/conformance";
import {
  endProgress,
  harnessOf,
  progressLine,
  readNumber,
  readSeed,
  runCommand,
  SCHEMES,
  table,
  WrongUsage,
} from "./harnesses.mjs";

const USAGE =
  "usage: npm run stress [-- URL … | --all] [--seconds N] [--seed N] [--only REGEXP] [--program JSON] [--json]";

async function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: "boolean", default: false },
      seconds: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      program: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.all && positionals.length > 0) throw new WrongUsage(`--all and ${positionals[0]} do not go together`);
  const urls = values.all ? SCHEMES : positionals.length > 0 ? positionals : ["fake://", "zmq://"];
  const program = values.program === undefined ? undefined : readProgram(values.program);
  const cases = {
    seconds: readNumber("seconds", values.seconds, 30),
    ...(program === undefined ? {} : { program }),
  };
  const only = readOnly(values.only ?? (program === undefined ? undefined : "^STR-06$"));
  const seed = readSeed(values.seed);
  const chosen = [];
  if (!values.help) for (const url of urls) chosen.push([url, await harnessOf(url)]);
  return { chosen, seed, only, cases: stressCases(cases), isJson: values.json, wantsHelp: values.help };
}

function readProgram(text) {
  try {
    return parseProgram(text);
  } catch (error) {
    throw new WrongUsage(`--program must be what a failed run has after "replay:": ${error.message}`);
  }
}

function readOnly(text) {
  if (text === undefined) return undefined;
  let only;
  try {
    only = new RegExp(text);
  } catch (error) {
    throw new WrongUsage(`--only must be a regular expression: ${error.message}`);
  }
  // Nothing passes by not running.
  const ids = stressCases().map(({ id }) => id);
  if (!ids.some((id) => only.test(id))) throw new WrongUsage(`--only ${text} matches none of ${ids.join(" ")}`);
  return only;
}

async function main() {
  const { chosen, seed, only, cases, isJson, wantsHelp } = await readArguments();
  if (wantsHelp) {
    console.log(USAGE);
    return 0;
  }
  const reports = [];
  for (const [url, harness] of chosen) {
    const report = await runConformance({
      harness,
      seed,
      cases,
      ...(only === undefined ? {} : { only }),
      onStart: ({ id, title }, { done, total }) => progressLine(`${url} ${done + 1} of ${total}: ${id} ${title}`),
    });
    reports.push(report);
  }
  endProgress();
  if (isJson) console.log(JSON.stringify(reports, null, 2));
  else show(reports, seed);
  return reports.every(({ passed }) => passed) ? 0 : 1;
}

function show(reports, seed) {
  const rows = reports.flatMap(({ subject, cases }) =>
    cases.map(({ id, verdict, ms, notes }) => [subject, id, verdict, `${(ms / 1_000).toFixed(1)} s`, notes.join("; ")]),
  );
  console.log(table(["driver", "case", "verdict", "time", "what was seen"], rows));
  for (const { subject, cases } of reports) {
    for (const { id, verdict, detail } of cases) {
      if (verdict === "fail" || verdict === "vacuous") console.log(`\n${subject} ${id}: ${detail}`);
    }
  }
  console.log(`seed ${seed}`);
}

await runCommand(USAGE, main);
