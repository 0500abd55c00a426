import { ListenError } from "@trunkline/core/driver";
import { codeOf, isOutOfFiles, OUT_OF_FILES, reasonOf } from "./native.js";

const BIND_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "the address is in use; stop the process that has it (ss -ltnp shows it), choose another port, or 0 for any free one",
  EADDRNOTAVAIL: "this machine has no such address; bind one that it has, or * for all",
  ENODEV: "this machine has no such address or network interface; bind one that it has, or * for all",
  ENOTFOUND: "the host's name cannot be resolved; bind an address of this machine, or * for all",
  EAI_AGAIN: "the host's name cannot be resolved now; bind an address of this machine, or * for all",
  EACCES: "this user may not use the address; choose a port of 1024 or more, or a directory that it may write",
  EPERM: "this user may not use the address",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory does not exist",
  ENAMETOOLONG: "its path is too long for a socket; use a shorter directory",
};

/** What failed, on what, and what to do: from the system's code where it has one. */
export function listenError(address: string, cause: unknown): ListenError {
  if (cause instanceof ListenError) return cause;
  const code = codeOf(cause);
  const advice = isOutOfFiles(cause) ? OUT_OF_FILES : (BIND_ADVICE[code] ?? reasonOf(cause));
  return new ListenError(
    `cannot listen on ${address}: ${advice}${code === "" || code.startsWith("ERR_") ? "" : ` (${code})`}`,
    { cause },
  );
}
