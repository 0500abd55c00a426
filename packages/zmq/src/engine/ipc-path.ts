import { chmod, lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { codeOf } from "./native.js";

/** What is at a path where a socket is to be bound, or was. */
export type IpcPathState = "free" | "stale" | "live" | "not-a-socket";

/**
 * Looks at a socket's path without disturbing its owner: a connection is made and ended at once.
 * @throws the system's error where the path cannot be looked at, with its code.
 */
export async function ipcPathState(path: string): Promise<IpcPathState> {
  try {
    if (!(await lstat(path)).isSocket()) return "not-a-socket";
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "free";
    throw error;
  }
  const code = await new Promise<string>((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve("");
    });
    probe.once("error", (error) => resolve(codeOf(error)));
  });
  if (code === "ECONNREFUSED") return "stale";
  if (code === "ENOENT") return "free";
  // Anything else, such as a full backlog, is a sign of an owner: what is in doubt is left alone.
  return "live";
}

/** Removes a socket's file. True when it is gone, whoever removed it. */
export async function removeIpcFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    return codeOf(error) === "ENOENT";
  }
}

/** Lets only the owner connect, beside what the directory's mode says; where the file system cannot, the directory has to do. */
export async function restrictIpcFile(path: string): Promise<void> {
  await chmod(path, 0o600).catch(() => undefined);
}
