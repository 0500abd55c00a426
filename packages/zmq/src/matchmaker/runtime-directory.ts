import { access, constants, mkdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { codeOf, reasonOf } from "../engine/native.js";

const OTHERS_MAY_WRITE = 0o022;
const OWNER_ONLY = 0o700;

/**
 * Where processes of one user on this machine find each other: `$XDG_RUNTIME_DIR/trunkline`, else `<tmpdir>/trunkline-<uid>`.
 * A relative `XDG_RUNTIME_DIR` is none, as its specification says.
 */
export function defaultRuntimeDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env["XDG_RUNTIME_DIR"];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "trunkline");
  return join(tmpdir(), `trunkline-${process.getuid?.() ?? "user"}`);
}

/**
 * Makes the directory if it is not there, for its owner alone, and looks whether it may be trusted: who can write there can
 * pretend to be any server. Resolves with a sentence that says what is wrong and what to do, or undefined.
 */
export async function prepareRuntimeDirectory(path: string): Promise<string | undefined> {
  const problem = await whatIsWrong(path);
  return problem && `the runtime directory ${path} ${problem}`;
}

const ELSEWHERE = "set XDG_RUNTIME_DIR, or the URL's option runtimeDir, to a directory of your own";

async function whatIsWrong(path: string): Promise<string | undefined> {
  try {
    await mkdir(path, { recursive: true, mode: OWNER_ONLY });
    const found = await stat(path);
    if (!found.isDirectory()) return `is no directory; remove it, or ${ELSEWHERE}`;
    const uid = process.getuid?.();
    if (uid !== undefined && found.uid !== uid) {
      return `belongs to another user (uid ${found.uid}, and this process runs as ${uid}); ${ELSEWHERE}`;
    }
    // Windows has no such modes.
    if (uid !== undefined && (found.mode & OTHERS_MAY_WRITE) !== 0) {
      const mode = (found.mode & 0o777).toString(8);
      return `may be written by other users (mode ${mode}), who could pretend to be your servers; chmod 700 it, or ${ELSEWHERE}`;
    }
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
      return `cannot be written by this process (${code}); ${ELSEWHERE}`;
    }
    if (code === "EEXIST" || code === "ENOTDIR") return `is no directory, or lies below a file (${code}); ${ELSEWHERE}`;
    return `cannot be used: ${reasonOf(error)}; ${ELSEWHERE}`;
  }
}
