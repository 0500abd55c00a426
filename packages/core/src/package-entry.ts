/**
 * Where `import "<package>"` in a given folder would lead, for a package's main entry alone.
 *
 * `import.meta.resolve` takes no parent without a flag on the Node versions supported, and `require.resolve` does not see
 * packages whose `exports` have only the `import` condition, so the few steps of Node's algorithm are done here.
 * https://nodejs.org/docs/latest-v20.x/api/esm.html#resolution-algorithm-specification
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/** The conditions of an `import`, most particular first in each package's own order. */
const CONDITIONS: ReadonlySet<string> = new Set(["node", "import", "module-sync", "node-addons", "default"]);

/**
 * The path of the package's main entry, links resolved, or undefined where no `node_modules` from `folder` upwards has it.
 * @throws Error where the package is there but has no entry that an `import` could load.
 */
export function findPackageEntry(packageName: string, folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const root = join(at, "node_modules", packageName);
    if (!at.endsWith(`${sep}node_modules`) && isFile(join(root, "package.json"))) return entryOf(root);
    if (at === dirname(at)) return undefined;
  }
}

function entryOf(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const exports = member(manifest, "exports");
  const main = member(manifest, "main");
  const relative =
    exports === undefined || exports === null
      ? typeof main === "string"
        ? main
        : "index.js"
      : pick(mainExport(exports));
  if (relative === undefined) throw new Error('its package.json exports no main entry for "import"');
  const path = join(root, relative);
  if (!isFile(path)) throw new Error(`its main entry ${relative} does not exist (is it built?)`);
  return realpathSync(path);
}

/** `exports` is the main entry itself, or a map whose keys begin with a dot. */
function mainExport(exports: unknown): unknown {
  const isMap =
    typeof exports === "object" && exports !== null && Object.keys(exports).some((key) => key.startsWith("."));
  return isMap ? member(exports, ".") : exports;
}

/** The first target whose conditions hold; null forbids, as undefined does. */
function pick(target: unknown): string | undefined {
  if (typeof target === "string") return target.startsWith("./") ? target : undefined;
  if (typeof target !== "object" || target === null) return undefined;
  const candidates = Array.isArray(target)
    ? target
    : Object.entries(target).flatMap(([condition, nested]) => (CONDITIONS.has(condition) ? [nested] : []));
  for (const candidate of candidates) {
    const found = pick(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

function member(value: unknown, name: string): unknown {
  // An object's own members only; each caller checks what it gets.
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
