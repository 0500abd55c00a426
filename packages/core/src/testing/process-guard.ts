import { spawn } from "node:child_process";
import type { Writable } from "node:stream";

/**
 * Each line that it reads is the id of the process group to end, 0 for none. The end of its input is the end of the process
 * that wrote them, or its leave. What was killed may write files while it dies, and so keep the folder from being removed.
 */
const SCRIPT = `
group=0
while read -r line; do group=$line; done
[ "$group" -gt 1 ] && kill -s KILL -- "-$group"
tries=0
until rm -rf -- "$1" || [ "$tries" -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done
`;

/**
 * Kills a process group and removes a folder when this process is gone, even by SIGKILL: a shell in a session of its own
 * that waits for the other end of its input to close. It keeps nobody's event loop alive.
 */
export class ProcessGuard {
  readonly #input: Writable;

  constructor(folder: string) {
    const child = spawn("/bin/sh", ["-c", SCRIPT, "guard", folder], {
      cwd: "/",
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    // Without a guard the tests still end what they start; only a crash of theirs would leave something behind.
    child.on("error", () => {});
    child.stdin.on("error", () => {});
    child.unref();
    this.#input = child.stdin;
    // A child's stdin is a socket, which has `unref`; its type does not say so.
    if ("unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  }

  /** From now on this group is the one to end; undefined for none. */
  watch(group: number | undefined): void {
    this.#input.write(`${group ?? 0}\n`);
  }

  /** Ends the guard, and what it watches. */
  release(): void {
    this.#input.end();
  }
}
