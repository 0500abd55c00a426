import { readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Capabilities, DriverFactory } from "@trunkline/core";
import { parseTransportUrl, resolveDriver, withOptions } from "@trunkline/core/driver";

export interface InstalledDriver {
  readonly scheme: string;
  readonly package: string;
  readonly version: string;
  /** The manifest of the URL that was asked for, else of the scheme's plainest. */
  readonly capabilities: Capabilities;
}

/** A package that is called like a driver and cannot be used as one. */
export interface BrokenDriver {
  readonly scheme: string;
  readonly problem: string;
}

/** Packages beside the drivers, in the same scope. */
const NO_DRIVERS: ReadonlySet<string> = new Set(["core", "conformance"]);

/** What a URL's scheme may be; a package of another name is no driver's. */
const SCHEME = /^[a-z][a-z0-9]*$/;

/** The driver of one URL. No backend is asked. @throws InvalidTransportUrlError, DriverNotFoundError */
export async function describeDriver(url: string): Promise<InstalledDriver> {
  const parsed = parseTransportUrl(url);
  const factory: DriverFactory = await resolveDriver(parsed.scheme);
  return {
    scheme: parsed.scheme,
    package: factory.name,
    version: factory.version,
    capabilities: factory.capabilities(withOptions(parsed, factory)),
  };
}

/** Every driver that a URL could name, seen from the working directory and from where this program is installed. */
export async function listDrivers(): Promise<readonly (InstalledDriver | BrokenDriver)[]> {
  const found: (InstalledDriver | BrokenDriver)[] = [];
  for (const scheme of installedSchemes([process.cwd(), ...programFolders()])) {
    try {
      found.push(await describeDriver(`${scheme}://`));
    } catch (error) {
      found.push({ scheme, problem: error instanceof Error ? error.message : String(error) });
    }
  }
  return found;
}

/** By the names of packages in each `node_modules` from the folders upwards. */
export function installedSchemes(folders: readonly string[]): readonly string[] {
  const schemes = new Set<string>();
  for (const folder of folders) {
    for (let at = folder; ; at = dirname(at)) {
      const modules = join(at, "node_modules");
      for (const name of namesIn(join(modules, "@trunkline"))) if (!NO_DRIVERS.has(name)) schemes.add(name);
      for (const name of namesIn(modules)) {
        if (name.startsWith("trunkline-driver-")) schemes.add(name.slice("trunkline-driver-".length));
      }
      if (at === dirname(at)) break;
    }
  }
  return [...schemes].filter((name) => SCHEME.test(name)).toSorted();
}

function programFolders(): string[] {
  const main = process.argv[1];
  if (main === undefined) return [];
  try {
    return [dirname(realpathSync(main))];
  } catch {
    // Run from a text, as by `node -e`: it is installed nowhere.
    return [];
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No such folder at this height.
    return [];
  }
}
