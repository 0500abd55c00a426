import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram, runWell } from "./support/programs.js";
import { ROOT, read } from "./support/sources.js";

interface Manifest {
  readonly packageManager: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const isWindows = process.platform === "win32";
const npx = isWindows ? "npx.cmd" : "npx";
const npm = isWindows ? "npm.cmd" : "npm";
const INSTALL = ["install", "--ignore-scripts", "--offline", "--no-audit", "--no-fund"];

/** Holds the packed packages, and a project of nobody's that has the command. */
let place: string;
/** The scaffolded package, which is called after the driver of docs/a-whole-driver.md. */
let driver: string;

/** Of a dependency of this repository, where it lies: nothing is fetched. */
const linked = (name: string, from = ""): string =>
  `file:${realpathSync(join(ROOT, from, "node_modules", ...name.split("/")))}`;

const tarball = (name: string): string => {
  const stem = name.replace("@", "").replace("/", "-");
  return `file:${join(place, readdirSync(place).find((file) => new RegExp(`^${stem}-\\d.*\\.tgz$`).test(file)) ?? stem)}`;
};

/** Every package that may be wanted below, from where it is. */
function sources(): Record<string, string> {
  return {
    "@trunkline/core": tarball("@trunkline/core"),
    "@trunkline/conformance": tarball("@trunkline/conformance"),
    eventemitter3: linked("eventemitter3", "packages/core"),
    zod: linked("zod", "packages/core"),
  };
}

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "trunkline-new-driver-"));
  driver = join(place, "loop");
  const { packageManager }: Manifest = JSON.parse(read("package.json"));
  const wanted = ["core", "conformance", "cli"].flatMap((name) => ["--filter", `./packages/${name}`]);
  const pack = ["--yes", "--prefer-offline", packageManager, ...wanted, "-r", "pack", "--pack-destination", place];
  await runWell(npx, pack, { cwd: ROOT, timeoutMs: 120_000 });
  const dependencies = { trunkline: tarball("trunkline"), ...sources() };
  writeFileSync(
    join(place, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module", dependencies, overrides: sources() }),
  );
  await runWell(npm, INSTALL, { cwd: place, timeoutMs: 120_000 });
  await runWell(npx, ["--no-install", "trunkline", "new-driver", "loop", driver], { cwd: place });
  const manifest: Manifest = JSON.parse(readFileSync(join(driver, "package.json"), "utf8"));
  const found: Record<string, string> = {
    ...sources(),
    "@types/node": linked("@types/node"),
    typescript: linked("typescript"),
    vitest: linked("vitest"),
  };
  manifest.devDependencies["vitest"] = "another runner";
  for (const part of [manifest.dependencies, manifest.devDependencies]) {
    for (const name of Object.keys(part)) part[name] = found[name] ?? "missing";
  }
  writeFileSync(join(driver, "package.json"), JSON.stringify({ ...manifest, overrides: sources() }));
  await runWell(npm, INSTALL, { cwd: driver, timeoutMs: 120_000 });
}, 300_000);

afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

interface Printed {
  readonly exitCode: number | null;
  /** On either stream. */
  readonly printed: string;
}

async function runThere(command: string, args: readonly string[]): Promise<Printed> {
  const { exitCode, stdout, stderr } = await runProgram(command, args, { cwd: driver, timeoutMs: 110_000 });
  return { exitCode, printed: stdout + stderr };
}

const npmRun = (script: string): Promise<Printed> => runThere(npm, ["run", "--silent", script]);
const nodeRun = (...args: string[]): Promise<Printed> => runThere(process.execPath, args);

/** Each group that had a failure, and each that was skipped, as `node --test` printed them (TAP). */
function failuresOf(printed: string): { readonly failed: Set<string>; readonly skipped: number } {
  const failed = [...printed.matchAll(/^ +not ok \d+ - ([A-Z]+)-\w+ \[/gm)].map((match) => match[1] ?? "");
  return { failed: new Set(failed), skipped: [...printed.matchAll(/# SKIP not run: /g)].length };
}

test("it compiles", { timeout: 60_000 }, async () => {
  expect(await npmRun("build")).toEqual({ exitCode: 0, printed: "" });
  expect(existsSync(join(driver, "dist", "conformance.d.ts"))).toBe(true);
});

test("a manifest that is not whole is the first that fails, and is told by its key", { timeout: 120_000 }, async () => {
  const file = join(driver, "src", "index.ts");
  const whole = readFileSync(file, "utf8");
  writeFileSync(file, whole.replace("    pools: false,", "    // @ts-expect-error\n    pools: undefined,"));
  const { exitCode, printed } = await npmRun("kit");
  writeFileSync(file, whole);
  expect(exitCode).toBe(1);
  expect(printed).toContain("manifest: pools must be true or false");
});

test("then it is calls: `manifest` passes, `rpc.call` fails, nothing after it is run", {
  timeout: 120_000,
}, async () => {
  await npmRun("build");
  const { exitCode, printed } = await nodeRun("--test", "--test-reporter=tap", "test/conformance.test.mjs");
  expect(exitCode).toBe(1);
  expect(printed).toMatch(/^ +ok \d+ - MAN-01 /m);
  expect(printed).toContain("call() in src/driver.ts sends nothing yet");
  const { failed, skipped } = failuresOf(printed);
  expect([...failed]).toEqual(["CALL"]);
  expect(skipped).toBeGreaterThan(100);
});

test("without a runner it ends there as well", { timeout: 120_000 }, async () => {
  const { exitCode, printed } = await npmRun("kit");
  expect(exitCode).toBe(1);
  expect(printed).toContain("CALL-01");
  expect(printed).not.toContain("CAST-01");
});

test("with the driver of docs/a-whole-driver.md in it, the first steps pass, as a part of the kit", {
  timeout: 120_000,
}, async () => {
  await npmRun("build");
  const code = /^```js\n([\s\S]*?)^```/m.exec(read("docs/a-whole-driver.md"))?.[1] ?? "";
  writeFileSync(join(driver, "dist", "index.js"), code);
  const alone = await nodeRun("test/kit.mjs", "^(manifest|rpc|addressing)");
  expect(alone.printed).toContain("passed, as a part of the kit");
  expect(alone.exitCode).toBe(0);
});

test("vitest runs it as well as node:test and no runner do", { timeout: 120_000 }, async () => {
  writeFileSync(
    join(driver, "test", "vitest.test.mjs"),
    `import { registerConformance, vitestPort } from "@trunkline/conformance";
     import { afterAll, describe, it } from "vitest";
     import { harness } from "../dist/conformance.js";
     registerConformance(vitestPort({ describe, it, afterAll }), harness, { inSteps: true, only: /^(manifest|rpc)/ });
    `,
  );
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "test/vitest.test.mjs"];
  const { exitCode, printed } = await nodeRun(...vitest);
  expect(printed).toMatch(/Tests .*passed/);
  expect(exitCode).toBe(0);
});
