import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { EngineAddress } from "./address.js";
import { codeOf } from "./native.js";

/** Why a path cannot be used where libzmq would make an abstract socket of it, which Node has none of; undefined for all others. */
export function abstractPath(address: EngineAddress): string | undefined {
  if (address.transport !== "ipc" || !address.path.startsWith("@")) return undefined;
  return "a path that begins with @ is an abstract socket to libzmq, and this engine has none; use a path of the file system";
}

/** Node says EACCES where a socket's directory is not there. */
export function pathError(path: string, error: unknown): unknown {
  if (codeOf(error) !== "EACCES" || existsSync(dirname(path))) return error;
  return Object.assign(new Error("its directory does not exist", { cause: error }), { code: "ENOENT" });
}
