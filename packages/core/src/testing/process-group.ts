import { readdirSync, readFileSync } from "node:fs";

/** Sends a signal to every process of a group; false where there is none. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * True while a process of the group can still hold a port or a file.
 *
 * One that is dead stays in its group until its parent has asked how it ended. For what a dead program leaves behind that is
 * the system's first process, which takes its time in some containers; Linux tells who is only waiting for that.
 */
export function isGroupAlive(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  try {
    return readdirSync("/proc").some((entry) => /^\d+$/.test(entry) && isLiveMember(entry, group));
  } catch {
    return true; // no Linux: the group is there, so it counts
  }
}

function isLiveMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // "12 (name, which may hold spaces and parentheses) S 1 12 …": state, parent, group
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(itsGroup) === group && state !== "Z" && state !== "X";
  } catch {
    return false; // it ended while it was looked at
  }
}
