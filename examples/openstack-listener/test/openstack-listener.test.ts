import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@trunkline/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { interop, osloPython } from "../../../test/support/oslo-peer.js";
import { runProgram, runWell } from "../../../test/support/programs.js";
import { rabbitForTests } from "../../../test/support/rabbit.js";
import type { Summary } from "../src/tally.js";

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const MAIN = join(HOME, "dist", "main.js");

const rabbit = rabbitForTests();
const url = (): string => rabbit.url({ scheme: "rabbit+oslo" });

interface Listener {
  readonly process: ChildProcess;
  readonly stdout: string;
  /** Resolves with its exit code. */
  readonly ended: Promise<number>;
}

/** Resolves when it listens. */
async function startListener(...words: readonly string[]): Promise<Listener> {
  const child = spawn(process.execPath, [MAIN, "--url", url(), ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "", isOver: false };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      output[name] += chunk;
    });
  const ended = once(child, "close").then(([exitCode]) => {
    output.isOver = true;
    return exitCode;
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await until(() => output.isOver || output.stderr.includes("listening to "), { what: "the listener to listen" });
  if (output.isOver) throw new Error(output.stderr);
  return {
    process: child,
    ended,
    get stdout() {
      return output.stdout;
    },
  };
}

/** Has Python emit so many events; resolves with how many of each type. */
async function emit(count: number, ...words: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const args = [join(HOME, "emit.py"), "--url", url(), "--rate", "0", "--count", String(count), ...words];
  return JSON.parse(await runWell(osloPython(), args, { cwd: HOME }));
}

const countsOf = ({ types }: Summary): Readonly<Record<string, number>> =>
  Object.fromEntries(types.map(({ eventType, count }) => [eventType, count]));

const last = (stdout: string): Summary => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");

interop("what Python emits is counted", { timeout: 60_000 }, () => {
  test("as JSON and as a table, in one pool each", async () => {
    const json = await startListener("--pool", "json", "--count", "400", "--json", "--interval", "200");
    const table = await startListener("--pool", "table", "--count", "400");
    const emitted = await emit(400);
    expect(await Promise.all([json.ended, table.ended])).toEqual([0, 0]);

    const summary = last(json.stdout);
    expect(summary.events).toBe(400);
    expect(countsOf(summary)).toEqual(emitted);
    const types = new Map(summary.types.map((row) => [row.eventType, row]));
    expect(types.get("compute.instance.create.error")).toMatchObject({ priority: "error" });
    expect(types.get("compute.instance.exists")?.publisherId).toMatch(/^compute\.host\d$/);
    for (const { perSecond } of summary.types) expect(perSecond).toBeGreaterThan(0);

    expect(table.stdout).toMatch(/^400 events, \d+\.\d per second, \d+ types$/m);
    for (const [eventType, count] of Object.entries(emitted))
      expect(table.stdout).toMatch(new RegExp(`^${eventType} +${count} +\\d+\\.\\d `, "m"));
    expect(table.stdout).not.toContain("\u001b");
  });

  test("of another topic, and of several services' exchanges", async () => {
    const words = ["--topic", "versioned", "--exchange", "nova", "--exchange", "neutron", "--pool", "both"];
    const listener = await startListener(...words, "--count", "60", "--json");
    const [nova, neutron] = await Promise.all(
      ["nova", "neutron"].map((exchange) => emit(30, "--topic", "versioned", "--exchange", exchange)),
    );
    expect(await listener.ended).toBe(0);
    const both = Object.fromEntries(Object.entries(nova ?? {}).map(([type, count]) => [type, 2 * count]));
    expect(neutron).toEqual(nova);
    expect(countsOf(last(listener.stdout))).toEqual(both);
  });

  test("until Ctrl-C, which ends it in peace", async () => {
    const listener = await startListener("--topic", "endless", "--json", "--interval", "50");
    const emitted = await emit(20, "--topic", "endless");
    await until(() => listener.stdout.includes('{"events":20,'), { what: "the events to be counted" });
    listener.process.kill("SIGINT");
    expect(await listener.ended).toBe(0);
    expect(countsOf(last(listener.stdout))).toEqual(emitted);
  });

  test("not where the broker does not know the password", async () => {
    const stranger = rabbit.url({ scheme: "rabbit+oslo", password: "wrong" });
    const { exitCode, stdout, stderr } = await runProgram(process.execPath, [MAIN, "--url", stranger], { cwd: HOME });
    expect(stderr).toMatch(/^\w+Error: /);
    expect(stderr).not.toContain("wrong");
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  });
});

test.each([
  [["--nonsense"], 2, "usage: npm start"],
  [["--count", "none"], 2, "--count takes a whole number"],
  [["--url", "carrier://"], 1, 'no driver for "carrier://"'],
])("%j exits %d and says %j", async (words, expected, told) => {
  const { exitCode, stdout, stderr } = await runProgram(process.execPath, [MAIN, ...words], { cwd: HOME });
  expect(stderr).toContain(told);
  expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: "" });
});
