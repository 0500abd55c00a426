/** Runs vitest and counts what it ran. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runNode, timed } from "./processes.mjs";

/** Which of vitest.config.ts's projects each command runs. */
export const SUITES = {
  check: ["unit", "house"],
  test: ["unit", "house", "span"],
  "test:full": ["unit", "house", "span", "full"],
};

/**
 * Resolves with how many tests passed, failed and were skipped. A file that does not load, an unhandled error and a run
 * that left no report count as failures too: nothing passes by not running.
 */
export async function vitest(projects, args) {
  const folder = mkdtempSync(join(tmpdir(), "trunkline-tests-"));
  const report = join(folder, "report.json");
  try {
    const exitCode = await timed("tests", () =>
      runNode([
        join("node_modules", "vitest", "vitest.mjs"),
        "run",
        ...projects.flatMap((project) => ["--project", project]),
        `--reporter=${process.stdout.isTTY ? "default" : "dot"}`,
        "--reporter=json",
        `--outputFile.json=${report}`,
        ...args,
      ]),
    );
    return count(exitCode, report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function count(exitCode, file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    console.error(`vitest left no report (exit ${exitCode}): ${error instanceof Error ? error.message : error}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const emptyFailures = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = report.numFailedTests + emptyFailures;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
