import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The built module, for child processes: Node runs no TypeScript there. */
export function built(module: string): string {
  return pathToFileURL(fileURLToPath(new URL(`../../dist/${module}`, import.meta.url))).href;
}

export interface Child {
  readonly pid: number;
  /** Resolves with the next line of its standard output. */
  line(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended: how, and what it wrote to standard error. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly stderr: string }>;
}

const DEADLINE_MS = 15_000;

/** Runs a script in a process of its own, which is killed if it has not ended by itself in time. */
export function runChild(
  script: string,
  options: { readonly openFiles?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Child {
  const node = [process.execPath, "--input-type=module", "-e", script];
  const [command = "", ...args] =
    options.openFiles === undefined
      ? node
      : ["bash", "-c", `ulimit -n ${options.openFiles}; exec "$@"`, "bash", ...node];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const ended = once(child, "close").then(([code, signal]: unknown[]) => {
    clearTimeout(timer);
    return { code: code as number | null, signal: signal as string | null, stderr };
  });
  return {
    pid: child.pid ?? -1,
    ended,
    kill: (signal) => child.kill(signal),
    async line() {
      const next = await lines.next();
      if (next.done === true) throw new Error(`the child ended without a line: ${(await ended).stderr}`);
      return next.value;
    },
  };
}
