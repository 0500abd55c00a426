import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { runProgram } from "../../../test/support/programs.js";
import { hasRabbit, hasRabbitControl, rabbitForTests } from "../../../test/support/rabbit.js";
import type { CloudReport } from "../src/cloud.js";

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const MAIN = join(HOME, "dist", "main.js");
/** Longer than a run takes on a machine that is busy with other things. */
const LONGEST_MS = 150_000;

const rabbit = rabbitForTests();

async function runCloud(url: string): Promise<CloudReport> {
  const args = [MAIN, url, "--hosts", "2", "--json"];
  const { stdout, stderr } = await runProgram(process.execPath, args, { cwd: HOME, timeoutMs: LONGEST_MS });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

describe.skipIf(!hasRabbit)("over RabbitMQ", { timeout: LONGEST_MS }, () => {
  test("both namings give the accounting of fake://, also where runs share a vhost, and leave no message there", async () => {
    const oslo = rabbit.url({ scheme: "rabbit+oslo" });
    const [fake, ...others] = await Promise.all([
      runCloud("fake://"),
      runCloud(rabbit.url()),
      runCloud(oslo),
      runCloud(oslo),
    ]);
    for (const report of others) {
      expect(report.problems).toEqual([]);
      expect(report.summary).toEqual(fake.summary);
      expect(report).toMatchObject({ ok: true, processes: 7 });
      expect(report.accounting).toEqual(fake.accounting);
      expect(report.digest).toBe(fake.digest);
    }
    if (!hasRabbitControl) return;
    await until(async () => (await rabbit.control.queues(rabbit.vhost)).every(({ messages }) => messages === 0), {
      what: "every queue of these runs to be empty",
    });
  });
});
