import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CAPABILITY_KEYS } from "@trunkline/core";
import { expect, test } from "vitest";
import { installedSchemes } from "../../src/drivers/installed.js";
import { driverTable } from "../../src/drivers/table.js";
import { RunningCommand, resultOf, run } from "../support/run-command.js";

interface Described {
  readonly scheme: string;
  readonly package: string;
  readonly version: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
}

async function describe(...words: string[]): Promise<Described[]> {
  // What the command prints is checked by what the tests below expect of it.
  return (await resultOf("drivers", ...words)) as Described[];
}

test("lists each installed driver with its whole manifest", async () => {
  const fake = (await describe()).find(({ scheme }) => scheme === "fake");
  expect(fake).toMatchObject({ package: "@trunkline/fake", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  expect(Object.keys(fake?.capabilities ?? {}).toSorted()).toEqual([...CAPABILITY_KEYS].toSorted());
});

test("of a URL it is the manifest that this URL would have", async () => {
  const [fake, ...others] = await describe("fake://?maxMessageBytes=1000");
  expect(others).toEqual([]);
  expect(fake?.capabilities).toMatchObject({ rpc: true, crossProcess: false, maxMessageBytes: 1000 });
  const { exitCode, stderr } = await run("drivers", "carrier://");
  expect(stderr).toContain('there is no driver for "carrier://"');
  expect(exitCode).toBe(2);
});

test("on a terminal it is a table, with --json the list", async () => {
  const table = new RunningCommand(["drivers", "fake://"], { isTTY: true });
  expect(await table.exitCode).toBe(0);
  expect(table.stdout.lines[0]).toMatch(/^ +fake:\/\/$/);
  expect(table.stdout.text).toMatch(/^crossProcess +no$/m);
  expect(table.stdout.text).toMatch(/^acceptance +casts transport, events transport$/m);
  const list = new RunningCommand(["drivers", "fake://", "--json"], { isTTY: true });
  expect(await list.exitCode).toBe(0);
  expect(JSON.parse(list.stdout.text)).toMatchObject([{ scheme: "fake" }]);
});

test("packages are found by their names, from a folder upwards", () => {
  const folder = mkdtempSync(join(tmpdir(), "trunkline-drivers-"));
  try {
    const install = (place: string, name: string): void => {
      const home = join(folder, place, "node_modules", name);
      mkdirSync(home, { recursive: true });
      writeFileSync(join(home, "package.json"), "{}");
    };
    install(".", "@trunkline/core");
    install(".", "@trunkline/conformance");
    install(".", "@trunkline/zmq");
    install("app", "trunkline-driver-pigeon");
    install("app", "@trunkline/example-cloud");
    expect(installedSchemes([join(folder, "app")])).toEqual(["pigeon", "zmq"]);
    expect(installedSchemes([folder])).toEqual(["zmq"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a package that is no driver is listed with what is wrong, and none at all with what to install", () => {
  expect(driverTable([{ scheme: "pigeon", problem: "it has no wings" }])).toBe(
    "pigeon:// cannot be used: it has no wings",
  );
  expect(driverTable([])).toContain("npm install @trunkline/zmq");
});
