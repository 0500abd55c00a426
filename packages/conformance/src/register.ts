import { ConformanceFailure } from "./check.js";
import { GROUPS } from "./group.js";
import type { ConformanceHarness } from "./harness.js";
import type { Report } from "./report.js";
import { ConformanceRun, type RunOptions } from "./run.js";
import { STEPS } from "./steps.js";

/** What the kit needs of a test runner: an adapter is about five lines. */
export interface TestPort {
  suite(name: string, body: () => void): void;
  test(name: string, options: { readonly timeoutMs: number }, body: (task: TestTask) => Promise<void>): void;
  after(body: () => Promise<void>): void;
}

/** One test as it runs, as the kit sees it. */
export interface TestTask {
  /** Shows a line beside the test. */
  note(text: string): void;
  /** Marks the test as skipped. Without it, what a run in steps leaves out is shown as passed, with a note. */
  skip?(reason: string): void;
}

/** As for a run without a runner; the report comes with the last case. */
export interface RegisterOptions extends RunOptions {
  /** Given the report when the last case has ended, to print or to write. */
  readonly onReport?: (report: Report) => void | Promise<void>;
}

/**
 * Registers every case with a test runner, in one suite for the driver and one for each group. A case keeps a deadline of
 * its own, below the runner's, so that one that hangs is reported as failed and not as cancelled.
 */
export function registerConformance(port: TestPort, harness: ConformanceHarness, options: RegisterOptions = {}): void {
  const run = new ConformanceRun(harness, options);
  port.suite(`conformance of ${harness.name} (seed ${run.seed})`, () => {
    for (const group of options.inSteps === true ? STEPS : GROUPS) {
      const cases = run.cases.filter((test) => test.group === group);
      if (cases.length === 0) continue;
      port.suite(group, () => {
        for (const test of cases) {
          const timeoutMs = run.backstopOf(test);
          port.test(`${test.id} [${test.clauses.join(" ")}] ${test.title}`, { timeoutMs }, async (task) => {
            const broken = run.brokenStepBefore(test);
            if (broken !== undefined) {
              const reason = `not run: ${broken} comes first, and has failures`;
              if (task.skip === undefined) task.note(`${test.id} ${reason}`);
              else task.skip(reason);
              return;
            }
            const result = await run.execute(test);
            for (const note of result.notes) task.note(`${test.id}: ${note}`);
            if (run.isFailure(result)) {
              throw new ConformanceFailure(`${result.verdict}: ${result.detail ?? ""} (seed ${run.seed})`);
            }
            if (result.verdict === "unproven" || result.verdict === "deviation") {
              task.note(`${test.id} ${result.verdict}: ${result.detail ?? ""}`);
            }
          });
        }
      });
    }
    port.after(async () => {
      const report = await run.finish();
      await options.onReport?.(report);
    });
  });
}
