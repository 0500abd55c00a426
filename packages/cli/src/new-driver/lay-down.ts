import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../usage-error.js";

/** What the templates leave open. */
export interface DriverNames {
  readonly package: string;
  readonly scheme: string;
  /** The scheme as the beginning of a class's name. */
  readonly Class: string;
  /** The version of core that it is written for. */
  readonly version: string;
}

/** In the package's sources, which are packed: from here and from the compiled file alike. */
const TEMPLATE = fileURLToPath(new URL("../../src/new-driver/template/", import.meta.url));
/** Each file of the template ends so, that no tool takes it for a source of this package. */
const ENDING = ".txt";

/**
 * Writes the template into `folder`, which is made where it is missing. Returns the paths in it, sorted.
 * @throws UsageError where there is something in it already, or it is no folder; nothing was written.
 */
export function layDown(folder: string, names: DriverNames): readonly string[] {
  refuseUnlessEmpty(folder);
  const files = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ENDING))
    .map((entry) => join(entry.parentPath, entry.name).slice(TEMPLATE.length, -ENDING.length))
    .toSorted();
  for (const file of files) {
    const text = readFileSync(join(TEMPLATE, `${file}${ENDING}`), "utf8");
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), fill(text, names), { flag: "wx" });
  }
  return files;
}

function fill(text: string, names: DriverNames): string {
  const values = new Map<string, string>(Object.entries(names));
  return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values.get(name) ?? whole);
}

/** A new repository is empty, too. */
function refuseUnlessEmpty(folder: string): void {
  let found: readonly string[];
  try {
    found = readdirSync(folder).filter((name) => name !== ".git");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw new UsageError(`${folder} is no folder`, undefined, { cause });
    throw new UsageError(`${folder} cannot be read: ${String(code)}`, undefined, { cause });
  }
  const first = found[0];
  if (first === undefined) return;
  const more = found.length > 1 ? ` and ${found.length - 1} more` : "";
  throw new UsageError(`${folder} is not empty: it has ${first}${more}; name a folder that is, or a new one`);
}
