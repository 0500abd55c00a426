import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resultOf, run } from "../support/run-command.js";

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-new-driver-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const manifestIn = (place: string): PackageJson => JSON.parse(readFileSync(join(place, "package.json"), "utf8"));

test("prints what it wrote, and leaves nothing open in it", async () => {
  const place = join(folder, "deep", "pigeon");
  const printed = await resultOf("new-driver", "pigeon", place);
  const files = readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1));
  expect(printed).toEqual({
    package: "trunkline-driver-pigeon",
    scheme: "pigeon",
    folder: place,
    files: files.toSorted(),
  });
  const left = files.filter((file) => /\{\{\w/.test(readFileSync(join(place, file), "utf8")));
  expect(left).toEqual([]);
  expect(readFileSync(join(place, "src", "driver.ts"), "utf8")).toContain("class PigeonDriver");
});

test("asks for this version of core and kit, and for core's own zod", async () => {
  await resultOf("new-driver", "pigeon", folder);
  const { version }: PackageJson = JSON.parse(readFileSync("packages/cli/package.json", "utf8"));
  const core: PackageJson = JSON.parse(readFileSync("packages/core/package.json", "utf8"));
  const { dependencies, peerDependencies } = manifestIn(folder);
  expect(peerDependencies).toEqual({ "@trunkline/core": `^${version}` });
  expect(dependencies["zod"]).toBe(`^${core.dependencies["zod"]}`);
});

test("takes another package name, and a folder that holds a new repository", async () => {
  mkdirSync(join(folder, ".git"));
  await resultOf("new-driver", "pigeon", folder, "--package", "@acme/pigeon");
  expect(manifestIn(folder).name).toBe("@acme/pigeon");
});

test.each([
  [["Pigeon"], /NAME "Pigeon" cannot be used: .* lower case/],
  [["../up"], /NAME "\.\.\/up" cannot be used/],
  [["zmq"], /NAME zmq is taken: zmq:\/\/ means @trunkline\/zmq/],
  [["pigeon", "--package", "Not A Name"], /--package "Not A Name" is no name/],
])("refuses %j and writes nothing", async ([name = "", ...more], message) => {
  const { exitCode, stderr } = await run("new-driver", name, join(folder, "new"), ...more);
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(2);
  expect(readdirSync(folder)).toEqual([]);
});

test("refuses a folder that is not empty, and what is none", async () => {
  writeFileSync(join(folder, "notes"), "mine");
  const full = await run("new-driver", "pigeon", folder);
  expect(full.stderr).toMatch(/is not empty: it has notes; /);
  expect(full.exitCode).toBe(2);
  const file = await run("new-driver", "pigeon", join(folder, "notes"));
  expect(file.stderr).toMatch(/notes is no folder/);
  expect(file.exitCode).toBe(2);
  expect(readdirSync(folder)).toEqual(["notes"]);
});
