/**
 * The stress cases of the kit, on the drivers of this repository or on any URL.
 *
 *   npm run stress [-- URL … | --all] [--seconds N] [--seed N] [--only REGEXP] [--program JSON] [--json]
 *
 * Without a URL: fake:// and zmq://. `--all`: rabbit:// and rabbit+oslo:// too, which need RabbitMQ installed.
 */
import { parseArgs } from "node:util";
import { parseProgram, runConformance, stressCases } from "@trunkline/conformance";
import { endProgress, harnessOf, progressLine, readNumber, SCHEMES, table } from "./harnesses.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: "boolean" },
    seconds: { type: "string" },
    seed: { type: "string" },
    only: { type: "string" },
    program: { type: "string" },
    json: { type: "boolean" },
  },
});
const seconds = readNumber("seconds", values.seconds, 30);
const seed = readNumber("seed", values.seed, Math.floor(Math.random() * 2 ** 31));
const program = values.program === undefined ? undefined : parseProgram(values.program);
const only = values.only ?? (program === undefined ? undefined : "^STR-06$");
const chosen = values.all === true ? SCHEMES : positionals.length > 0 ? positionals : ["fake://", "zmq://"];

const reports = [];
for (const url of chosen) {
  const report = await runConformance({
    harness: harnessOf(url),
    seed,
    cases: stressCases({ seconds, ...(program === undefined ? {} : { program }) }),
    ...(only === undefined ? {} : { only: new RegExp(only) }),
    onStart: ({ id, title }, { done, total }) => progressLine(`${url} ${done + 1} of ${total}: ${id} ${title}`),
  });
  reports.push(report);
}
endProgress();
if (values.json === true) {
  console.log(JSON.stringify(reports, null, 2));
} else {
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
process.exitCode = reports.every(({ passed }) => passed) ? 0 : 1;
