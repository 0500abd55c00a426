/**
 * One driver under the conformance kit's level core, on whatever runtime this file is started with; by `scripts/runtimes.mjs`.
 *
 *   RUNTIME scripts/runtime-child.mjs fake|zmtp|libzmq SEED FILE
 *
 * A line of JSON goes to FILE for each case as it begins, and then its report: where the process dies, the last line says during what.
 */
import { appendFileSync } from "node:fs";
import { ALL_CASES, levelOf, runConformance } from "@trunkline/conformance";

const HARNESSES = {
  fake: async () => (await import("@trunkline/fake/conformance")).harness,
  zmtp: async () => (await import("@trunkline/zmq/conformance")).zmtpHarness,
  libzmq: async () => (await import("@trunkline/zmq/conformance")).libzmqHarness,
};

const [driver, seed, file] = process.argv.slice(2);
const tell = (message) => appendFileSync(file, `${JSON.stringify(message)}\n`);

try {
  const report = await runConformance({
    harness: await HARNESSES[driver](),
    cases: ALL_CASES.filter((one) => levelOf(one) === "core"),
    seed: Number(seed),
    onStart: ({ id, title }) => tell({ what: "start", id, title }),
  });
  tell({ what: "report", report });
} catch (error) {
  tell({ what: "error", text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
// A runtime that keeps something open after the run is no reason to wait for it: the kit has looked for what was left.
process.exit(0);
