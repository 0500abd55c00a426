import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Accounting } from "../src/accounting.js";

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const MAIN = join(HOME, "dist", "main.js");
/** Longer than a run takes on a machine that is busy with other things; a run that hangs is killed. */
const LONGEST_MS = 150_000;

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runCloud(...words: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], {
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LONGEST_MS,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

interface Printed {
  readonly ok: boolean;
  readonly processes: number;
  readonly problems: readonly string[];
  readonly accounting: Accounting;
  readonly digest: string;
  readonly summary: { readonly pools: unknown; readonly messages: Readonly<Record<string, { readonly sent: number }>> };
}

test("fake:// and zmq:// give the same accounting, message by message, and end by themselves", {
  timeout: 2 * LONGEST_MS,
}, async () => {
  const [fake, zmq] = await Promise.all([runCloud("fake://", "--json"), runCloud("zmq://", "--json")]);
  expect(fake, fake.stderr).toMatchObject({ exitCode: 0 });
  expect(zmq, zmq.stderr).toMatchObject({ exitCode: 0 });
  const one: Printed = JSON.parse(fake.stdout);
  const other: Printed = JSON.parse(zmq.stdout);
  expect(other.accounting).toEqual(one.accounting);
  expect(other.summary).toEqual(one.summary);
  expect(other.digest).toBe(one.digest);
  expect([one.processes, other.processes]).toEqual([1, 13]);
  expect([one.problems, other.problems]).toEqual([[], []]);
  for (const { sent } of Object.values(one.summary.messages)) expect(sent).toBeGreaterThan(10);
});

test("the table says what was done", { timeout: LONGEST_MS }, async () => {
  const { exitCode, stdout, stderr } = await runCloud("fake://", "--hosts", "2");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^fake:\/\/: 2 hosts with two backends each, one process, \d+\.\d s$/m);
  for (const kind of ["boot", "resize", "migrate", "delete"])
    expect(stdout).toMatch(new RegExp(`^${kind} +\\d+ +\\d+ +0$`, "m"));
  for (const kind of ["call", "cast", "fanout", "event"]) {
    expect(stdout).toMatch(new RegExp(`^${kind} +(\\d+ +){3}0 +0 +\\d+\\.\\d\\d +\\d+\\.\\d\\d$`, "m"));
  }
  for (const pool of ["audit", "metering"]) expect(stdout).toMatch(new RegExp(`^${pool} +(\\d+) +\\1 +0 +0$`, "m"));
  expect(stdout).toContain("nothing lost, nothing twice, every request as the trace says\n");
  expect(stderr).toMatch(/^420 of 420 requests ended/m);
});

describe.skipIf(process.platform !== "linux")("over processes", () => {
  /** Starts a run over zmq://; `onProgress` is called once, when requests end. Resolves when nobody holds its stderr any more. */
  function runUntilProgress(
    onProgress: (conductor: number) => void,
  ): Promise<Ended & { readonly signal: string | null }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [MAIN, "zmq://", "--hosts", "2"], { stdio: ["ignore", "pipe", "pipe"] });
      let [stdout, stderr, isTold] = ["", "", false];
      child.stdout.on("data", (chunk: Buffer) => {
        stdout += chunk.toString();
      });
      child.stderr.on("data", (chunk: Buffer) => {
        stderr += chunk.toString();
        if (isTold || !stderr.includes("of 420") || child.pid === undefined) return;
        isTold = true;
        onProgress(child.pid);
      });
      child.once("error", reject);
      child.once("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
    });
  }

  test("no role outlives the conductor", { timeout: LONGEST_MS }, async () => {
    const { signal } = await runUntilProgress((conductor) => process.kill(conductor, "SIGKILL"));
    // Every role has its stderr from the conductor: that it is closed says that all have ended.
    expect(signal).toBe("SIGKILL");
  });

  test("a role that is killed ends the run, with its name", { timeout: LONGEST_MS }, async () => {
    const { exitCode, stdout, stderr } = await runUntilProgress((conductor) => {
      const roles = readFileSync(`/proc/${conductor}/task/${conductor}/children`, "utf8").trim().split(" ").map(Number);
      const host = roles.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("host1"));
      if (host !== undefined) process.kill(host, "SIGKILL");
    });
    expect(stderr).toContain("RoleEnded: host1 ended with SIGKILL");
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  });
});

describe("what cannot be", () => {
  test.each([
    [["fake://", "zmq://"], 2, "there is one URL"],
    [["fake://", "--hosts", "1"], 2, "--hosts takes a whole number from 2 to 64"],
    [["fake://", "--nonsense"], 2, "usage: npm start"],
    [["carrier://"], 1, 'no driver for "carrier://"'],
    [["fake://", "--trace", join(HOME, "package.json")], 1, "package.json"],
    [["fake://", "--trace", "not-there.jsonl"], 1, "not-there.jsonl"],
  ])("%j exits %d and says %j", async (words, expected, told) => {
    const { exitCode, stdout, stderr } = await runCloud(...words);
    expect(stderr).toContain(told);
    expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: "" });
  });
});
