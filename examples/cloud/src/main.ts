/** `npm start`: runs the cloud once and accounts for each message. */
import { parseArgs } from "node:util";
import { MessagingError } from "@trunkline/core";
import { runCloud } from "./cloud.js";
import { Progress } from "./progress.js";
import { RoleEnded } from "./stage.js";
import { percentile, reportTable } from "./table.js";
import { DEFAULT_TRACE, TraceError } from "./trace.js";

const USAGE = "usage: npm start -- [URL] [--hosts N] [--trace FILE] [--json]";

interface Arguments {
  readonly url: string;
  readonly hosts: number;
  readonly trace: string;
  readonly isJson: boolean;
}

function readArguments(): Arguments | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { hosts: { type: "string" }, trace: { type: "string" }, json: { type: "boolean" } },
      allowPositionals: true,
    });
    const hosts = Number(values.hosts ?? 8);
    if (positionals.length > 1) throw new Error("there is one URL");
    if (!Number.isInteger(hosts) || hosts < 2 || hosts > 64)
      throw new Error("--hosts takes a whole number from 2 to 64");
    const url = positionals[0] ?? "zmq://";
    return { url, hosts, trace: values.trace ?? DEFAULT_TRACE, isJson: values.json === true };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return undefined;
  }
}

async function main({ url, hosts, trace, isJson }: Arguments): Promise<number> {
  const report = await runCloud({ url, hosts, trace, progress: new Progress(process.stderr) });
  if (isJson) {
    const { latenciesMs, ...rest } = report;
    const timing = Object.entries(latenciesMs).map(([kind, times]) => [
      kind,
      { p50Ms: Number(percentile(times, 0.5)), p99Ms: Number(percentile(times, 0.99)) },
    ]);
    console.log(JSON.stringify({ ...rest, timing: Object.fromEntries(timing) }));
  } else {
    const hasColor = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
    console.log(reportTable(report, hasColor));
  }
  return report.ok ? 0 : 1;
}

const given = readArguments();
if (given === undefined) {
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await main(given);
  } catch (error) {
    // What the SDK refuses says what to do; anything else is shown with where it came from.
    const isPlain = error instanceof MessagingError || error instanceof TraceError || error instanceof RoleEnded;
    console.error(isPlain ? `${error.name}: ${error.message}` : error);
    process.exitCode = 1;
  }
}
