import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { resolveDriver } from "../src/driver-registry.js";
import { DriverNotFoundError, InvalidArgumentError } from "../src/errors.js";
import type { DriverFactory } from "../src/seam.js";

const factory = (scheme: string): DriverFactory => ({
  scheme,
  name: `test-${scheme}`,
  version: "0.0.0",
  options: z.object({}),
  capabilities: () => {
    throw new Error("not asked for here");
  },
  open: () => Promise.reject(new Error("not opened here")),
});

/** A factory's source, as a package would hold it. */
const source = (scheme: string): string =>
  `export const driver = { scheme: "${scheme}", name: "p", version: "1", options: { shape: {}, safeParse() {} }, capabilities() {}, open() {} };`;

let root: string;

function install(name: string, manifest: object, files: Record<string, string>, under: string = root): void {
  const folder = join(under, "node_modules", name);
  for (const [path, text] of Object.entries({
    "package.json": JSON.stringify({ name, version: "1.0.0", type: "module", ...manifest }),
    ...files,
  })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "trunkline-registry-")));
  mkdirSync(join(root, "app/src"), { recursive: true });
  writeFileSync(join(root, "app/src/main.js"), "");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("packages", () => {
  test.each([
    [
      "only types and default",
      "dflt",
      { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
    ],
    ["only import", "imprt", { ".": { import: "./dist/index.js" } }],
    [
      "import nested under node",
      "nested",
      { ".": { browser: "./no.js", node: { import: "./dist/index.js", require: "./no.cjs" } } },
    ],
    ["a plain string", "strng", "./dist/index.js"],
    ["conditions without a dot", "nodot", { types: "./dist/index.d.ts", import: "./dist/index.js" }],
    ["a list", "list", { ".": [{ worker: "./no.js" }, "./dist/index.js"] }],
  ])("exports as %s", async (_name, scheme, exports) => {
    install(`@trunkline/${scheme}`, { exports }, { "dist/index.js": source(scheme) });
    await expect(resolveDriver(scheme, { resolveFrom: root })).resolves.toMatchObject({ scheme });
  });

  test("without exports, main or index.js", async () => {
    install("@trunkline/mainly", { main: "lib.js" }, { "lib.js": source("mainly") });
    install("@trunkline/index", {}, { "index.js": source("index") });
    await expect(resolveDriver("mainly", { resolveFrom: root })).resolves.toMatchObject({ scheme: "mainly" });
    await expect(resolveDriver("index", { resolveFrom: root })).resolves.toMatchObject({ scheme: "index" });
  });

  test("a stranger's package by its own name, and ours before it", async () => {
    install("trunkline-driver-alien", { exports: "./i.js" }, { "i.js": source("alien") });
    await expect(resolveDriver("alien", { resolveFrom: root })).resolves.toMatchObject({ name: "p" });
    install("@trunkline/alien", { exports: "./i.js" }, { "i.js": source("alien").replace('"p"', '"ours"') });
    await expect(resolveDriver("alien", { resolveFrom: root })).resolves.toMatchObject({ name: "ours" });
  });

  test("looked up from a folder below, a file, a file URL", async () => {
    install("@trunkline/below", { exports: "./i.js" }, { "i.js": source("below") });
    const main = join(root, "app/src/main.js");
    for (const resolveFrom of [join(root, "app"), main, pathToFileURL(main).href]) {
      await expect(resolveDriver("below", { resolveFrom })).resolves.toMatchObject({ scheme: "below" });
    }
  });

  test("the nearest folder wins", async () => {
    install("@trunkline/near", { exports: "./i.js" }, { "i.js": source("near") });
    install(
      "@trunkline/near",
      { exports: "./i.js" },
      { "i.js": source("near").replace('"p"', '"nearest"') },
      join(root, "app"),
    );
    await expect(resolveDriver("near", { resolveFrom: join(root, "app") })).resolves.toMatchObject({ name: "nearest" });
  });

  test("the working directory is the default", async () => {
    install("@trunkline/cwd", { exports: "./i.js" }, { "i.js": source("cwd") });
    const main = process.argv[1] ?? "";
    process.argv[1] = join(root, "app/src/main.js");
    try {
      await expect(resolveDriver("cwd")).resolves.toMatchObject({ scheme: "cwd" });
    } finally {
      process.argv[1] = main;
    }
  });
});

describe("what is registered", () => {
  test("comes before any package", async () => {
    const own = factory("zmq");
    await expect(resolveDriver("zmq", { drivers: [factory("other"), own], resolveFrom: root })).resolves.toBe(own);
  });

  test.each([
    ["no array", {}],
    ["no factory", [undefined]],
    ["no open", [{ ...factory("a"), open: undefined }]],
    ["no schema", [{ ...factory("a"), options: {} }]],
    ["two of one scheme", [factory("a"), factory("a")]],
  ])("%s is refused", async (_name, drivers) => {
    await expect(resolveDriver("a", { drivers: drivers as DriverFactory[] })).rejects.toThrow(InvalidArgumentError);
  });
});

describe("what cannot be used", () => {
  const missing = (scheme: string, drivers: DriverFactory[] = []): Promise<DriverFactory> =>
    resolveDriver(scheme, { drivers, resolveFrom: root });

  test.each([
    [
      "nats",
      "this edition has zmq://, rabbit://, fake://; a driver is found as the package @trunkline/<scheme>",
      undefined,
    ],
    ["http", "then trunkline-driver-<scheme>", undefined],
    ["rabit", 'did you mean "rabbit://"? If not, a driver is found as', undefined],
    ["amqp", 'did you mean "rabbit://"', undefined],
    ["zeromq", 'did you mean "zmq://"? If not, a driver is found as', undefined],
    ["fak", 'did you mean "fake://"', undefined],
    ["mycorp2", 'did you mean "mycorp://"', "mycorp"],
    ["mycorp2", "or pass the driver in options.drivers", "mycorp"],
  ])("%s: %s", async (scheme, words, registered) => {
    const error: unknown = await missing(scheme, registered === undefined ? [] : [factory(registered)]).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DriverNotFoundError);
    expect(error).toMatchObject({ scheme, code: "ERR_DRIVER_NOT_FOUND", message: expect.stringContaining(words) });
    // No package is named of which nobody knows whether it exists, and what was written is not what was meant.
    expect(error).toMatchObject({ message: expect.not.stringContaining("npm install") });
    expect(error).toMatchObject({ message: expect.not.stringContaining(`did you mean "${scheme}://"`) });
    if (registered === undefined) expect(error).toMatchObject({ message: expect.not.stringContaining("options") });
  });

  test.each([
    ["noexport", { exports: "./i.js" }, { "i.js": "export const other = 1;" }, 'no export "driver"'],
    ["nofactory", { exports: "./i.js" }, { "i.js": "export const driver = 1;" }, "is an object, got number"],
    [
      "noopen",
      { exports: "./i.js" },
      { "i.js": 'export const driver = { scheme: "noopen", capabilities() {} };' },
      "no method open",
    ],
    ["wrongone", { exports: "./i.js" }, { "i.js": source("another") }, 'is for "another"'],
    ["notbuilt", { exports: { ".": { default: "./dist/index.js" } } }, {}, "is it built?"],
    ["noentry", { exports: { "./extra": "./i.js" } }, { "i.js": "" }, "no main entry"],
  ])("%s", async (scheme, manifest, files, words) => {
    install(`@trunkline/${scheme}`, manifest, files as Record<string, string>);
    const error: unknown = await missing(scheme).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DriverNotFoundError);
    expect(error).toMatchObject({ scheme, message: expect.stringContaining(words) });
    expect(error).toMatchObject({ message: expect.stringContaining(`@trunkline/${scheme} was found`) });
  });

  test("a package that fails while it loads is told with its cause", async () => {
    install("@trunkline/throws", { exports: "./i.js" }, { "i.js": 'throw new RangeError("no native build");' });
    const error: unknown = await missing("throws").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining("no native build"), cause: expect.any(RangeError) });
  });

  test("a package whose own dependency is missing is not taken for a missing driver", async () => {
    install("@trunkline/lacking", { exports: "./i.js" }, { "i.js": 'import "not-installed-anywhere";' });
    await expect(missing("lacking")).rejects.toThrow(/was found at .* cannot be used.*not-installed-anywhere/);
  });

  test("a broken package.json is told", async () => {
    install("@trunkline/badjson", {}, { "package.json": "{" });
    await expect(missing("badjson")).rejects.toThrow(DriverNotFoundError);
  });

  test("a scheme that is no name is never part of a path", async () => {
    await expect(missing("../evil")).rejects.toThrow(DriverNotFoundError);
  });
});
