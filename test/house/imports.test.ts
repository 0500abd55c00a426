import { expect, test } from "vitest";
import { filesUnder, importsOf, packageNames, resolveRelative } from "../support/sources.js";

/** What the sources of each package may import. Dependencies point one way: applications → core ← drivers. */
const ALLOWED: ReadonlyMap<string, RegExp> = new Map([
  ["core", /^(node:|\.|eventemitter3$|zod$)/],
  ["fake", /^(node:|\.|@trunkline\/core\/driver$|eventemitter3$|zod$)/],
  [
    "zmq",
    /^(node:|\.|@trunkline\/core\/driver$|eventemitter3$|zod$|zeromq$|ioredis$|sodium-native$|libsodium-wrappers$)/,
  ],
  ["rabbit", /^(node:|\.|@trunkline\/core\/driver$|amqplib$|zod$)/],
  ["conformance", /^(node:|\.|@trunkline\/core(\/driver|\/testing)?$)/],
  ["cli", /^(node:|\.|@trunkline\/core(\/driver)?$|@trunkline\/conformance$)/],
]);

/** A driver's `/conformance` entry may also import core's main entry, and the types of the kit. */
const CONFORMANCE_ENTRY = /^@trunkline\/core(\/testing)?$/;

/** What speaks a driver's wire by hand, for the kit, knows the kit's types too. */
const STRANGERS = "/src/stranger/";

/** Brokers for tests may use what core has for tests. */
const FOR_TESTS = { folder: "/src/private-rabbit/", specifier: "@trunkline/core/testing" };

/** What tests may import beside what their package may. Core's tests know no driver. */
const TEST_TOOLS = /^(vitest|fast-check)$/;

const sources = (name: string): string[] => filesUnder(`packages/${name}/src`).filter((path) => path.endsWith(".ts"));

test("every package has a rule for what it may import", () => {
  expect([...ALLOWED.keys()].sort()).toEqual(packageNames().sort());
});

test.each([...ALLOWED])("%s imports only what its rule allows", (name, rule) => {
  const forbidden = sources(name).flatMap((path) =>
    importsOf(path)
      .filter(({ specifier, typeOnly }) => {
        if (rule.test(specifier)) return false;
        if (path.includes(FOR_TESTS.folder) && specifier === FOR_TESTS.specifier) return false;
        if (path.includes(STRANGERS)) return !(typeOnly && specifier === "@trunkline/conformance");
        if (!path.endsWith("/src/conformance.ts")) return true;
        return !(CONFORMANCE_ENTRY.test(specifier) || (typeOnly && specifier === "@trunkline/conformance"));
      })
      .map(({ specifier }) => `${path}: ${specifier}`),
  );
  expect(forbidden).toEqual([]);
});

test("core's tests know no driver and no kit", () => {
  const forbidden = filesUnder("packages/core/test")
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) =>
      importsOf(path)
        .filter(({ specifier }) => !TEST_TOOLS.test(specifier) && !/^(node:|\.|eventemitter3$|zod$)/.test(specifier))
        .map(({ specifier }) => `${path}: ${specifier}`),
    );
  expect(forbidden).toEqual([]);
});

test("no package reaches into another by a path, and no source reaches into a test", () => {
  const reaching = [
    ...packageNames().map((name) => `packages/${name}`),
    "examples/hello",
    "examples/cloud",
    "examples/openstack-listener",
    "examples/redis-driver",
  ].flatMap((folder) =>
    filesUnder(folder)
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) => {
        const home = path.includes("/src/") ? `${folder}/src/` : `${folder}/`;
        return importsOf(path)
          .map(({ specifier }) => resolveRelative(path, specifier))
          .filter((target) => target !== undefined && !target.startsWith(home) && target !== `${folder}/package.json`)
          .filter((target) => path.includes("/src/") || !target?.startsWith("test/support/"))
          .map((target) => `${path}: ${target}`);
      }),
  );
  expect(reaching).toEqual([]);
});

test("examples import packages by name only", () => {
  const allowed = /^(node:|\.|@trunkline\/(core|fake|zmq)$)/;
  const driver = /^(@trunkline\/core\/(driver|testing)|@trunkline\/conformance|ioredis|zod)$/;
  const forbidden = filesUnder("examples")
    .filter((path) => path.endsWith(".ts") && !path.includes("/test/"))
    .flatMap((path) =>
      importsOf(path)
        .filter(({ specifier }) => !allowed.test(specifier))
        .filter(({ specifier }) => !(path.startsWith("examples/redis-driver/") && driver.test(specifier)))
        .map(({ specifier }) => `${path}: ${specifier}`),
    );
  expect(forbidden).toEqual([]);
});

test("what a driver imports of core does not lead to the application's side", () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { specifier, typeOnly } of importsOf(path)) {
      const target = resolveRelative(path, specifier);
      if (target !== undefined && !typeOnly) visit(target);
    }
  };
  visit("packages/core/src/driver.ts");
  const application = /^packages\/core\/src\/(index|transport|open-transport|rpc\/.*|notify\/.*)\.ts$/;
  expect([...reached].filter((path) => application.test(path))).toEqual([]);
});

test("there are no import cycles", () => {
  expect(packageNames().flatMap((name) => cyclesAmong(sources(name)))).toEqual([]);
});

/** Each cycle of what is left of the imports after compilation, once, as `a → b → a`. */
function cyclesAmong(paths: readonly string[]): string[] {
  const edges = new Map(
    paths.map((path) => [
      path,
      importsOf(path).flatMap(({ specifier, typeOnly }) => {
        const target = resolveRelative(path, specifier);
        return target === undefined || typeOnly ? [] : [target];
      }),
    ]),
  );
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      cycles.push([...trail.slice(at), path].join(" → "));
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of paths) walk(path, []);
  return cycles;
}
