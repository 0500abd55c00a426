import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram, runWell } from "./support/programs.js";
import { filesUnder, packageNames, ROOT, read } from "./support/sources.js";

interface PackedManifest {
  readonly name: string;
  readonly version: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const isWindows = process.platform === "win32";
const npx = isWindows ? "npx.cmd" : "npx";
const npm = isWindows ? "npm.cmd" : "npm";

// Without install scripts: what docs/platforms.md says of the prebuilt binaries is thereby tried as well.
const INSTALL: readonly string[] = ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];

/** A project of nobody's, into which the packed packages are installed as from the registry. */
let project: string;
let tarballs: string[];

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "trunkline-packaging-"));
  const { packageManager }: { packageManager: string } = JSON.parse(read("package.json"));
  const pack = ["--yes", "--prefer-offline", packageManager, "--filter", "./packages/*", "-r", "pack"];
  await runWell(npx, [...pack, "--pack-destination", project], { cwd: ROOT, timeoutMs: 120_000 });
  tarballs = readdirSync(project).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  await runWell(npm, [...INSTALL, ...tarballs.map((name) => `./${name}`)], { cwd: project, timeoutMs: 180_000 });
}, 300_000);

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

function installed(name: string): string {
  return join(project, "node_modules", ...name.split("/"));
}

function manifestOf(folder: string): PackedManifest {
  const { name }: PackedManifest = JSON.parse(read(`packages/${folder}/package.json`));
  return JSON.parse(readFileSync(join(installed(name), "package.json"), "utf8"));
}

function runScript(code: string, args: readonly string[] = []): Promise<string> {
  const file = join(project, `script-${Buffer.from(code).toString("base64url").length}.mjs`);
  writeFileSync(file, code);
  return runWell(process.execPath, [file, ...args], { cwd: project });
}

test("each package is packed", () => {
  expect(tarballs).toHaveLength(packageNames().length);
});

describe.each(packageNames())("packages/%s, installed", (folder) => {
  test("holds what its manifest names, its README and the licence, and no test", () => {
    const manifest = manifestOf(folder);
    const home = installed(manifest.name);
    const named = Object.values(manifest.exports ?? {})
      .flatMap((entry) => (typeof entry === "string" ? [entry] : [entry.types, entry.default]))
      .concat(Object.values(manifest.bin ?? {}), ["README.md", "LICENSE"]);
    expect(named.filter((file) => !existsSync(join(home, file)))).toEqual([]);
    const top = readdirSync(home).filter((name) => name !== "node_modules");
    expect(top.toSorted()).toEqual(["LICENSE", "README.md", "dist", "package.json", "src"]);
    expect(existsSync(join(home, "dist", ".tsbuildinfo"))).toBe(false);
  });

  test("holds nothing that a source was renamed away from", () => {
    const compiled = readdirSync(join(installed(manifestOf(folder).name), "dist"), {
      recursive: true,
      encoding: "utf8",
    });
    const stems = compiled.filter((name) => name.endsWith(".js")).map((name) => name.replace(/\.js$/, ".ts"));
    const sources = new Set(
      filesUnder(`packages/${folder}/src`).map((path) => path.replace(`packages/${folder}/src/`, "")),
    );
    expect(stems.filter((name) => !sources.has(name.replaceAll("\\", "/")))).toEqual([]);
  });

  test("asks for versions, not for the workspace", () => {
    const { version, dependencies, optionalDependencies, peerDependencies } = manifestOf(folder);
    const ranges = { ...dependencies, ...optionalDependencies, ...peerDependencies };
    expect(Object.values(ranges).filter((range) => range.startsWith("workspace:"))).toEqual([]);
    for (const [name, range] of Object.entries(ranges))
      if (name.startsWith("@trunkline/")) expect(range).toBe(`^${version}`);
  });
});

test.each(["fake://", "zmq://"])("hello runs over %s from the packed packages", async (url) => {
  expect(await runScript(read("examples/hello/hello.mjs"), [url])).toBe("Hello, world!\n");
});

test("an application in CommonJS can require them", async () => {
  const code = 'const { openTransport } = require("@trunkline/core"); console.log(typeof openTransport);';
  const args = ["--input-type=commonjs", "-e", code];
  expect(await runWell(process.execPath, args, { cwd: project })).toBe("function\n");
});

test("the command runs and lists the installed drivers", async () => {
  const printed = await runWell(npx, ["--no-install", "trunkline", "drivers"], { cwd: project });
  const text = JSON.stringify(JSON.parse(printed));
  expect(text).toContain("fake");
  expect(text).toContain("zmq");
  const refused = await runProgram(npx, ["--no-install", "trunkline", "call", "fake://", "t", "m", "{"], {
    cwd: project,
  });
  expect(refused.exitCode).toBe(2);
});

test("the kit runs a group without any test runner", async () => {
  const printed = await runScript(`
    import { harnessFromUrl, runConformance } from "@trunkline/conformance";
    const report = await runConformance({ harness: harnessFromUrl("fake://"), only: /^addressing$/ });
    console.log(JSON.stringify(report.counts));
  `);
  const counts: Record<string, number> = JSON.parse(printed);
  expect(counts["pass"]).toBeGreaterThan(0);
  expect(counts["fail"]).toBe(0);
});

test("an application's types are checked against the packed declarations, declarations included", async () => {
  writeFileSync(
    join(project, "consumer.ts"),
    `import { type NotificationEvent, openTransport, TimeoutError, type Transport } from "@trunkline/core";
     import { defineCapabilities, type DriverFactory } from "@trunkline/core/driver";
     import { driver as fake } from "@trunkline/fake";
     import { driver as zmq } from "@trunkline/zmq";
     import { harnessFromUrl } from "@trunkline/conformance";
     const drivers: readonly DriverFactory[] = [fake, zmq];
     const transport: Transport = await openTransport("fake://", { drivers });
     await transport.serve({ topic: "t", server: "s" }, { add: ({ a, b }: { a: number; b: number }) => a + b });
     await transport.listen([{ topic: "n" }], [{ info: (event: NotificationEvent) => void event.eventType }]);
     const sum: number = await transport.client({ topic: "t" }).call<number>("add", { a: 1, b: 2 });
     const error: unknown = sum;
     if (error instanceof TimeoutError) console.log(error.code satisfies "ERR_TIMEOUT");
     console.log(defineCapabilities, harnessFromUrl("fake://").name);
     // @ts-expect-error params are an object
     await transport.client({ topic: "t" }).call("add", 1);
     await transport.close();
    `,
  );
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        module: "nodenext",
        target: "es2023",
        lib: ["es2023", "esnext.disposable"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
        typeRoots: [join(ROOT, "node_modules", "@types")],
        types: ["node"],
      },
      files: ["consumer.ts"],
    }),
  );
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  expect(await runWell(process.execPath, [tsc, "--project", "."], { cwd: project })).toBe("");
});

describe("core and the zmq driver alone, without the optional peer", () => {
  let bare: string;

  beforeAll(async () => {
    bare = mkdtempSync(join(tmpdir(), "trunkline-bare-"));
    writeFileSync(join(bare, "package.json"), JSON.stringify({ name: "bare", private: true, type: "module" }));
    const needed = tarballs.filter((name) => /^trunkline-(core|zmq)-\d/.test(name)).map((name) => join(project, name));
    expect(needed).toHaveLength(2);
    await runWell(npm, [...INSTALL, ...needed], { cwd: bare, timeoutMs: 180_000 });
    writeFileSync(join(bare, "hello.mjs"), read("examples/hello/hello.mjs"));
  }, 200_000);

  afterAll(() => {
    rmSync(bare, { recursive: true, force: true });
  });

  test("have nothing native, and no install script", () => {
    expect(existsSync(join(bare, "node_modules", "zeromq"))).toBe(false);
    const files = readdirSync(join(bare, "node_modules"), { recursive: true, encoding: "utf8" });
    expect(files.filter((name) => /\.node$|(^|[/\\])binding\.gyp$/.test(name))).toEqual([]);
  });

  test("calls work", async () => {
    const args = ["hello.mjs", "zmq:///bare"];
    expect(await runWell(process.execPath, args, { cwd: bare })).toBe("Hello, world!\n");
  });

  test("engine=libzmq says at once what to install", async () => {
    const code = `
      import { openTransport } from "@trunkline/core";
      const error = await openTransport("zmq:///bare?engine=libzmq").catch((error) => error);
      console.log(error.code, error.capability, error.message);
    `;
    const printed = await runWell(process.execPath, ["--input-type=module", "-e", code], { cwd: bare });
    expect(printed).toMatch(/^ERR_NOT_SUPPORTED libzmq .*npm install zeromq.*engine=zmtp/);
  });

  test("no declaration that the driver's entry leads to needs a package that is not installed", () => {
    const dist = join(bare, "node_modules", "@trunkline", "zmq", "dist");
    const files = new Set([join(dist, "index.d.ts")]);
    const packages = new Set<string>();
    for (const file of files) {
      const imports = readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g);
      for (const [, specifier = ""] of imports) {
        if (specifier.startsWith(".")) files.add(join(file, "..", specifier.replace(/\.js$/, ".d.ts")));
        else packages.add(specifier);
      }
    }
    expect([...packages].filter((name) => name.startsWith("@trunkline/core"))).not.toEqual([]);
    expect([...packages].filter((name) => !/^(@trunkline\/core\/|zod$|eventemitter3$|node:)/.test(name))).toEqual([]);
  });
});
