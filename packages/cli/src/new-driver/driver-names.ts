import { createRequire } from "node:module";
import { UsageError } from "../usage-error.js";
import type { DriverNames } from "./lay-down.js";

/** What a URL's scheme may be. */
const SCHEME = /^[a-z][a-z0-9]*$/;
/** As npm has it for new packages, as far as it is needed here. */
const PACKAGE = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
/** Packages of the scope `@trunkline`, which are looked up before `trunkline-driver-<scheme>`. */
const TAKEN: ReadonlySet<string> = new Set(["core", "conformance", "fake", "rabbit", "zmq"]);

/** @throws UsageError where `scheme` can be no URL's scheme or is taken, or `packageName` can be no package's name. */
export function driverNames(scheme: string, packageName = `trunkline-driver-${scheme}`): DriverNames {
  if (!SCHEME.test(scheme)) {
    const advice = "it is the scheme of the URL: a letter, then letters and digits, in lower case";
    throw new UsageError(`NAME ${JSON.stringify(scheme)} cannot be used: ${advice}`);
  }
  if (TAKEN.has(scheme)) throw new UsageError(`NAME ${scheme} is taken: ${scheme}:// means @trunkline/${scheme}`);
  if (packageName.length > 214 || !PACKAGE.test(packageName)) {
    throw new UsageError(`--package ${JSON.stringify(packageName)} is no name that a package can have`);
  }
  const Class = scheme.charAt(0).toUpperCase() + scheme.slice(1);
  return { package: packageName, scheme, Class, version: ownVersion() };
}

/** All packages of a release have one version. */
function ownVersion(): string {
  // The package's own manifest, whose version is a string.
  return (createRequire(import.meta.url)("../../package.json") as { readonly version: string }).version;
}
