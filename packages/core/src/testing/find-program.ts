import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** Where servers are installed, and a user's PATH often does not lead. */
const SERVER_FOLDERS: readonly string[] = ["/usr/sbin", "/usr/local/sbin"];

/**
 * The path of the first candidate that is there and may be run, or undefined.
 *
 * An absolute candidate is taken as it is. A name is looked up in the folders of `env.PATH`, then in `/usr/sbin` and
 * `/usr/local/sbin`. Nothing is run.
 *
 * @param env whose PATH counts. @default process.env
 */
export function findProgram(
  candidates: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const path = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const candidate of candidates) {
    const folders = isAbsolute(candidate) ? [""] : [...path, ...SERVER_FOLDERS];
    const found = folders.map((folder) => join(folder, candidate)).find(isProgram);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
