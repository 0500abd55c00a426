import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { nearestName } from "@trunkline/core/driver";
import { UsageError } from "../usage-error.js";

/** Which exports are looked for, the first that is there wins. */
const EXPORTS = ["endpoints", "default"] as const;

/**
 * Imports a file of the person's and takes its endpoints.
 * @throws UsageError where there is no such file, it cannot be loaded, throws while it loads, or exports no endpoint.
 */
export async function loadEndpoints(file: string): Promise<object | readonly object[]> {
  const path = resolve(file);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new UsageError(`--module ${file}: there is no such file (${path})`);
  }
  let module: Readonly<Record<string, unknown>>;
  try {
    // A module's namespace is an object of named exports.
    module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new UsageError(`--module ${file} could not be loaded: ${reasonOf(cause)}`, placeOf(cause, path), { cause });
  }
  const name = EXPORTS.find((candidate) => module[candidate] !== undefined);
  if (name === undefined) throw new UsageError(`--module ${file} has no endpoints: ${missing(Object.keys(module))}`);
  const endpoints = module[name];
  const list: readonly unknown[] = Array.isArray(endpoints) ? endpoints : [endpoints];
  if (list.length === 0)
    throw new UsageError(`--module ${file} has no endpoints: its export "${name}" is an empty array`);
  for (const endpoint of list) checkEndpoint(endpoint, file, name);
  // Each has just been found to be an object.
  return list as readonly object[];
}

function checkEndpoint(endpoint: unknown, file: string, name: string): void {
  if (typeof endpoint === "object" && endpoint !== null) return;
  const given = endpoint === null ? "null" : typeof endpoint;
  const isClass = typeof endpoint === "function" && /^class\b/.test(Function.prototype.toString.call(endpoint));
  const hint = isClass
    ? "a class; export an instance of it"
    : `${given}; export an object with methods, or an array of them`;
  throw new UsageError(`--module ${file}: its export "${name}" holds ${hint}`);
}

function missing(exported: readonly string[]): string {
  const wanted = 'export an endpoint, or an array of them, as "default" or "endpoints"';
  if (exported.length === 0) return `it exports nothing; ${wanted}`;
  const near = exported.find((name) => nearestName(name, EXPORTS) !== undefined);
  const hint = near === undefined ? "" : ` (is it "${near}"?)`;
  return `it exports only ${exported.join(", ")}${hint}; ${wanted}`;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return `it threw ${String(cause)}`;
  const isTypeScript = "code" in cause && cause.code === "ERR_UNKNOWN_FILE_EXTENSION";
  const hint = isTypeScript ? "; compile it to JavaScript first" : "";
  return `${cause.name}: ${cause.message}${hint}`;
}

/** Where in the file it went wrong, as far as the stack tells. */
function placeOf(cause: unknown, path: string): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  // The place of a syntax error is for Node alone to print.
  if (cause instanceof SyntaxError) return `  node --check ${path} shows where`;
  const places = [path, pathToFileURL(path).href];
  const line = (cause.stack ?? "")
    .split("\n")
    .find((text) => /^\s+at /.test(text) && places.some((place) => text.includes(place)));
  return line === undefined ? undefined : `  ${line.trim()}`;
}
