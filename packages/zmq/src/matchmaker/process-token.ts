import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { codeOf } from "../engine/native.js";

/**
 * Who made a file, in its name: process id, when that process started, and a few random characters, in base 36 and hex.
 * So a sweep can tell whose a file is without reading it, and a process id that was given again is not taken for its
 * former owner.
 */
export interface ProcessToken {
  readonly pid: number;
  /** Clock ticks from the machine's start to the process's, where the system tells; else 0. */
  readonly started: number;
  readonly text: string;
}

/** A new token of this process: each transport has its own. */
export function newProcessToken(): ProcessToken {
  const started = startOf(process.pid) ?? 0;
  const text = `${process.pid.toString(36)}-${started.toString(36)}-${randomBytes(4).toString("hex")}`;
  return { pid: process.pid, started, text };
}

const TOKEN = /^([0-9a-z]{1,7})-([0-9a-z]{1,11})-[0-9a-f]{8}$/u;

export function parseProcessToken(text: string): ProcessToken | undefined {
  const [, pid, started] = TOKEN.exec(text) ?? [];
  if (pid === undefined || started === undefined) return undefined;
  return { pid: Number.parseInt(pid, 36), started: Number.parseInt(started, 36), text };
}

/**
 * True where this system certainly runs that process no more. A process in another container is also "gone" from here, so
 * nothing is removed on this word alone: its socket must refuse connections as well.
 */
export function isGone(token: ProcessToken): boolean {
  try {
    process.kill(token.pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    return codeOf(error) === "ESRCH";
  }
  const started = startOf(token.pid);
  return token.started !== 0 && started !== undefined && started !== token.started;
}

/** Undefined where the system does not tell, or no such process runs. */
function startOf(pid: number): number | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name, in parentheses, may hold anything; the start is the 22nd field, the 20th after it.
    const ticks = Number(line.slice(line.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isSafeInteger(ticks) ? ticks : undefined;
  } catch {
    // No /proc here, or the process has just ended.
    return undefined;
  }
}
