import { writeFile } from "node:fs/promises";
import type { CaseResult, ConformanceCase, Progress, Report } from "@trunkline/conformance";
import { nearestName } from "@trunkline/core/driver";
import type { Command } from "../arguments/command.js";
import type { Input } from "../arguments/input.js";
import { present, readCount } from "../arguments/readers.js";
import { EXIT_OK, EXIT_REFUSED } from "../exit-code.js";
import { signalExitCode } from "../report-error.js";
import type { Terminal } from "../terminal.js";
import { UsageError } from "../usage-error.js";
import { withTransport } from "../with-transport.js";

type Kit = typeof import("@trunkline/conformance");

/** `conformance` shows what the kit found on stderr, and prints the verdict, or with `--json` the whole report. */
export const conformance: Command = {
  name: "conformance",
  summary: "prove what the driver of a URL does, clause by clause",
  operands: [{ name: "URL", kind: "required", help: "the transport to test; its realm is left alone" }],
  options: [
    { name: "only", value: "REGEXP", help: "only the cases whose id or group matches, such as ^addressing$" },
    { name: "seed", value: "N", help: "repeat the run that had this seed" },
    { name: "strict", help: "what could not be proven counts as a failure" },
    { name: "dead", value: "URL", help: "a URL of the same driver at which nothing answers, for the cases about that" },
    { name: "report", value: "FILE", help: "write the whole report too: FILE.json, FILE.md or FILE.html" },
    { name: "json", help: "print the whole report, and no table" },
  ],
  example: "trunkline conformance zmq:// --only '^rpc'",

  async run(input, surroundings) {
    const { terminal, interrupted } = surroundings;
    const only = readPattern(input);
    const seed = readCount(input, "seed");
    const url = input.required("URL");
    const kit = await loadKit();
    checkPattern(kit, only);
    const file = readReportFile(kit, input);
    const deadUrl = input.optional("dead");
    // A backend that cannot be reached is said once, and not by every case.
    await withTransport(url, surroundings, {}, async () => {});
    const report = await kit.runConformance({
      harness: kit.harnessFromUrl(url, present({ deadUrl })),
      ...present({ only, seed }),
      strict: input.has("strict"),
      signal: interrupted,
      onStart: (test, progress) => showStart(terminal, test, progress, input.has("json")),
      onResult: (result, progress) => showProgress(terminal, result, progress),
    });
    if (terminal.isLive) terminal.redraw("");
    if (!input.has("json")) terminal.say(kit.reportText(report, { isColored: terminal.hasColor }));
    if (file !== undefined) await writeReport(kit, file, report);
    await terminal.result(input.has("json") ? report : verdictOf(report));
    if (interrupted.aborted) return signalExitCode(String(interrupted.reason));
    return report.passed ? EXIT_OK : EXIT_REFUSED;
  },
};

/** The kit is large, and no other command needs it. */
async function loadKit(): Promise<Kit> {
  try {
    return await import("@trunkline/conformance");
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing) throw cause;
    throw new UsageError("the kit is not installed", "  npm install --save-dev @trunkline/conformance", { cause });
  }
}

function readPattern(input: Input): RegExp | undefined {
  const text = input.optional("only");
  try {
    return text === undefined ? undefined : new RegExp(text);
  } catch (cause) {
    throw new UsageError(
      `--only is no regular expression: ${cause instanceof Error ? cause.message : text}`,
      undefined,
      {
        cause,
      },
    );
  }
}

/** Asked before the run, so that no run is in vain. */
function readReportFile({ REPORT_ENDINGS }: Kit, input: Input): string | undefined {
  const file = input.optional("report");
  if (file === undefined || REPORT_ENDINGS.some((ending) => file.toLowerCase().endsWith(ending))) return file;
  throw new UsageError(`--report ${file}: a report's name ends in ${REPORT_ENDINGS.join(", ")}`);
}

async function writeReport({ reportForFile }: Kit, file: string, report: Report): Promise<void> {
  try {
    await writeFile(file, reportForFile(file, report) ?? "");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--report ${file} cannot be written: ${reason}`, undefined, { cause });
  }
}

/** Nothing passes by not running. */
function checkPattern({ ALL_CASES, GROUPS }: Kit, only: RegExp | undefined): void {
  if (only === undefined || ALL_CASES.some(({ id, group }) => only.test(id) || only.test(group))) return;
  const meant = nearestName(only.source.replace(/^\^|\$$/g, ""), GROUPS);
  const hint = meant === undefined ? `the groups are ${GROUPS.join(", ")}` : `did you mean ${meant}?`;
  throw new UsageError(`--only ${only.source} matches no case; ${hint}`);
}

/** A case from which nothing comes back is the last that was named. */
function showStart(
  terminal: Terminal,
  { id, title }: ConformanceCase,
  { done, total }: Progress,
  isJson: boolean,
): void {
  const line = `${done + 1} of ${total}: ${id} ${title}`;
  if (terminal.isLive) terminal.redraw(line);
  else if (!isJson) terminal.say(line);
}

function showProgress(terminal: Terminal, { id, verdict, title }: CaseResult, { done, total }: Progress): void {
  const isBad = verdict === "fail" || verdict === "vacuous";
  if (terminal.isLive) terminal.redraw(`${done} of ${total}: ${verdict} ${id} ${title}`);
  else if (isBad) terminal.say(`${done} of ${total}: ${verdict} ${id} ${title}`);
}

function verdictOf({ subject, passed, level, seed, counts }: Report): Partial<Report> {
  return { subject, passed, level, seed, counts };
}
