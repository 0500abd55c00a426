/** What the command line asks for. */
import { extname } from "node:path";
import { parseArgs } from "node:util";
import { CELLS } from "./cells.mjs";
import { SYSTEMS } from "./systems.mjs";

export const USAGE = `npm run bench -- rabbit [options]

  --only NAMES    these systems, by comma: ${SYSTEMS.map(({ name }) => name).join(", ")}
  --cells NAMES   these workloads, by comma: ${CELLS.map(({ name }) => name).join(", ")}
  --seconds N     how long each is measured in a round; 1 by default
  --rounds N      how often; 5 by default
  --json          the results as JSON on standard output, instead of tables
  --chart FILE    draws them too: .svg or .html
  --help

RabbitMQ is started for the run, in a temp folder; TRUNKLINE_TEST_RABBIT_URL names one that runs already.
The exit code is 1 where a cell failed, 2 where the options are wrong.
`;

/** Wrong options: told with the usage, exit code 2. */
export class UsageError extends Error {}

export function readOptions(args) {
  const { values } = parse(args);
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 600))
    throw new UsageError(`--seconds must be above 0 and up to 600, got ${values.seconds}`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`--rounds must be 1 or more, got ${values.rounds}`);
  if (values.chart !== undefined && ![".svg", ".html"].includes(extname(values.chart))) {
    throw new UsageError(`--chart must be a file that ends in .svg or .html, got ${values.chart}`);
  }
  return {
    systems: pick("only", SYSTEMS, values.only),
    cells: pick("cells", CELLS, values.cells),
    seconds,
    rounds,
    json: values.json,
    chart: values.chart,
    help: values.help,
  };
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: "string" },
        cells: { type: "string" },
        seconds: { type: "string", default: "1" },
        rounds: { type: "string", default: "5" },
        json: { type: "boolean", default: false },
        chart: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function pick(option, all, asked) {
  if (asked === undefined) return all;
  const names = asked.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    throw new UsageError(`--${option}: no ${unknown.join(", ")}; there are ${all.map(({ name }) => name).join(", ")}`);
  }
  return all.filter(({ name }) => names.includes(name));
}
