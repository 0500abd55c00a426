import { realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DriverNotFoundError, InvalidArgumentError } from "./errors.js";
import { describeMissingDriver } from "./missing-driver.js";
import { findPackageEntry } from "./package-entry.js";
import type { DriverFactory } from "./seam.js";

export interface DriverSources {
  /** Taken before any package. At most one for each scheme. @default [] */
  readonly drivers?: readonly DriverFactory[] | undefined;
  /**
   * The folder or file (path or `file:` URL) from which packages are looked up first, as an `import` there would.
   * @default the working directory, then the program's main file
   */
  readonly resolveFrom?: string | undefined;
}

/**
 * Finds the driver for a URL's scheme: one that is registered, else the export `driver` of the package `@trunkline/<scheme>`,
 * else of `trunkline-driver-<scheme>`, found as the application itself would find it, then as core would.
 * @throws DriverNotFoundError saying what to install, or which package was found and why it is no driver (with `cause`);
 * InvalidArgumentError where `drivers` or `resolveFrom` is wrong.
 */
export async function resolveDriver(scheme: string, sources: DriverSources = {}): Promise<DriverFactory> {
  const registered = checkRegistered(sources.drivers ?? []);
  const known = registered.find((factory) => factory.scheme === scheme);
  if (known !== undefined) return known;
  // Schemes become part of a package's name; the URL's grammar allows no other.
  if (!/^[a-z][a-z0-9]*$/.test(scheme)) throw notFound(scheme, registered);
  const places = lookupPlaces(sources.resolveFrom);
  for (const packageName of [`@trunkline/${scheme}`, `trunkline-driver-${scheme}`]) {
    for (const place of places) {
      const entry = entryFrom(packageName, place, scheme);
      if (entry !== undefined) return await load(packageName, entry, scheme);
    }
  }
  throw notFound(scheme, registered);
}

function checkRegistered(drivers: readonly DriverFactory[]): readonly DriverFactory[] {
  if (!Array.isArray(drivers)) throw new InvalidArgumentError("drivers must be an array of driver factories");
  const seen = new Set<string>();
  for (const factory of drivers) {
    const problem = factoryProblem(factory);
    if (problem !== undefined)
      throw new InvalidArgumentError(`drivers: ${problem}; pass the export "driver" of a driver's package`);
    if (seen.has(factory.scheme))
      throw new InvalidArgumentError(`drivers: two are registered for "${factory.scheme}"; keep one`);
    seen.add(factory.scheme);
  }
  return drivers;
}

/** What keeps a value from being a factory, for people; undefined where it is one. */
function factoryProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null)
    return `a driver factory is an object, got ${value === null ? "null" : typeof value}`;
  // Its members are checked one by one below; nothing is assumed of them.
  const factory = value as Readonly<Record<keyof DriverFactory, unknown>>;
  if (typeof factory.scheme !== "string") return "a driver factory has no scheme";
  const missing = (["open", "capabilities"] as const).filter((name) => typeof factory[name] !== "function");
  if (missing.length > 0)
    return `the driver factory for "${factory.scheme}" has no method ${missing.join(", no method ")}`;
  const options = factory.options;
  const hasSchema = typeof options === "object" && options !== null && "safeParse" in options && "shape" in options;
  return hasSchema ? undefined : `the driver factory for "${factory.scheme}" has no schema "options" (a zod object)`;
}

/** Folders, nearest to the application first. */
function lookupPlaces(resolveFrom: string | undefined): string[] {
  const own = dirname(fileURLToPath(import.meta.url));
  if (resolveFrom !== undefined) return [folderOf(resolveFrom), own];
  const main = process.argv[1];
  // A service may be started from any folder; its main file, links resolved, still tells where it is installed.
  const places = main === undefined ? [] : [mainFolder(main)];
  return [process.cwd(), ...places, own];
}

function mainFolder(main: string): string {
  try {
    return dirname(realpathSync(main));
  } catch {
    // `node -e` and the like have no file there: the path as it is finds what it finds.
    return dirname(resolve(main));
  }
}

function folderOf(resolveFrom: string): string {
  const path =
    typeof resolveFrom === "string" && resolveFrom.startsWith("file:") ? fileURLToPath(resolveFrom) : resolveFrom;
  if (typeof path !== "string" || path === "")
    throw new InvalidArgumentError("resolveFrom must be a path or a file: URL");
  const absolute = isAbsolute(path) ? path : resolve(path);
  return statSync(absolute, { throwIfNoEntry: false })?.isFile() === true ? dirname(absolute) : absolute;
}

/** The file to import, or undefined where the package is not installed as seen from `folder`. */
function entryFrom(packageName: string, folder: string, scheme: string): string | undefined {
  try {
    const entry = findPackageEntry(packageName, folder);
    if (entry !== undefined) return entry;
  } catch (cause) {
    throw broken(packageName, folder, scheme, cause);
  }
  try {
    // Package managers without folders (and NODE_PATH) answer only through Node's own resolution.
    return createRequire(join(folder, "resolve.js")).resolve(packageName);
  } catch {
    // Not installed there either: the next place, and in the end the message that says what to install.
    return undefined;
  }
}

async function load(packageName: string, entry: string, scheme: string): Promise<DriverFactory> {
  let module: Readonly<Record<string, unknown>>;
  try {
    // A module's namespace is an object of named exports.
    module = (await import(pathToFileURL(entry).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw broken(packageName, entry, scheme, cause);
  }
  const factory = module["driver"];
  const problem = factory === undefined ? 'it has no export "driver"' : factoryProblem(factory);
  if (problem !== undefined) throw broken(packageName, entry, scheme, undefined, problem);
  // `factoryProblem` has just checked all that core calls.
  const driver = factory as DriverFactory;
  if (driver.scheme === scheme) return driver;
  throw broken(packageName, entry, scheme, undefined, `its driver is for "${driver.scheme}"`);
}

function broken(
  packageName: string,
  place: string,
  scheme: string,
  cause: unknown,
  problem?: string,
): DriverNotFoundError {
  const why = problem ?? (cause instanceof Error ? cause.message : String(cause));
  const text = `the driver package ${packageName} was found at ${place} and cannot be used: ${why}; install it anew, or another version`;
  return new DriverNotFoundError(text, scheme, cause === undefined ? undefined : { cause });
}

function notFound(scheme: string, registered: readonly DriverFactory[]): DriverNotFoundError {
  const own = registered.map((factory) => factory.scheme);
  return new DriverNotFoundError(describeMissingDriver(scheme, own), scheme);
}
