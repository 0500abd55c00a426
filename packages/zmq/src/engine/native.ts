import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { isMainThread } from "node:worker_threads";
import { ConnectError, NotSupportedError } from "@trunkline/core/driver";
import type { Context } from "zeromq";

/** The zeromq package, as `import()` gives it. */
export type Native = typeof import("zeromq");

export interface NativeContext {
  readonly native: Native;
  readonly context: Context;
}

/** As Node says it for `import`, and for what is resolved beforehand. */
const NOT_FOUND = "ERR_MODULE_NOT_FOUND";

/**
 * The package is an optional peer, which an installation for engine=zmtp leaves out: a transport that needs it learns that
 * when it is opened, and not from its first call.
 * @param find throws ERR_MODULE_NOT_FOUND where it is not installed; whatever else it throws is left to `loadNative`.
 * @throws NotSupportedError (`libzmq`): it is not installed.
 */
export function requireNative(find: () => unknown = () => import.meta.resolve("zeromq")): void {
  try {
    find();
  } catch (cause) {
    if (codeOf(cause) === NOT_FOUND) throw notInstalled(cause);
  }
}

function notInstalled(cause: unknown): NotSupportedError {
  return new NotSupportedError(
    "engine=libzmq, which security=curve means where the URL names no engine, needs the package zeromq, and it is not installed: " +
      "install it beside @trunkline/zmq (npm install zeromq@6), or use engine=zmtp, which needs no add-on and speaks to the same peers " +
      "(with security=curve it needs sodium-native or libsodium-wrappers)",
    "libzmq",
    "zmq",
    { cause },
  );
}

/**
 * Loads zeromq at its first use, so that an application that never dials does not pay for a native add-on, and one without
 * a binary for its platform learns it as an error of the operation and not of the import.
 * @throws NotSupportedError (`libzmq`): it is not installed. ConnectError: the add-on does not load here.
 */
export async function loadNative(): Promise<Native> {
  try {
    return await import("zeromq");
  } catch (cause) {
    if (codeOf(cause) === NOT_FOUND) throw notInstalled(cause);
    throw new ConnectError(
      `cannot load the native add-on of the zeromq package on ${process.platform} ${process.arch} with Node ` +
        `${process.version}: ${reasonOf(cause)}; reinstall it with a package manager that runs on this platform`,
      { cause },
    );
  }
}

/**
 * Ending a worker thread that waits for a message of libzmq aborts the whole process, and nobody can promise that a worker
 * ends only after its transport was closed. So it is refused where it would begin.
 * @throws NotSupportedError
 */
export function refuseWorkerThread(): void {
  if (isMainThread) return;
  throw new NotSupportedError(
    "the zmq driver's libzmq engine cannot be opened in a worker thread: ending that thread would abort the whole process; " +
      "open the transport in the main thread, or in a child process",
    "worker-threads",
    "zmq",
  );
}

/**
 * Opens and closes a few files, because libzmq aborts the process, or says nothing, in places where it finds no descriptor.
 * @throws the error of the system, with its code.
 */
export function checkFreeDescriptors(needed: number): void {
  const opened: number[] = [];
  try {
    while (opened.length < needed) opened.push(openSync(devNull, "r"));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** The system's code of an error that libzmq or Node raised, such as `EADDRINUSE`; empty where it has none. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For people, with the system's code where it has one. */
export function reasonAndCode(cause: unknown): string {
  const code = codeOf(cause);
  return code === "" ? reasonOf(cause) : `${reasonOf(cause)} (${code})`;
}

/** True where the process, or libzmq's context, has no descriptor or socket left. */
export function isOutOfFiles(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EMFILE" || code === "ENFILE";
}

export const OUT_OF_FILES = "too many open files; raise the limit of this process (ulimit -n), or open fewer links";
