/** Child processes: started without a shell, signals passed on, exit codes kept. */
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export class CommandFailed extends Error {
  constructor(what, exitCode, output) {
    super(
      output === "" ? `${what} failed (exit ${exitCode})` : `${output.trimEnd()}\n${what} failed (exit ${exitCode})`,
    );
    this.exitCode = exitCode;
  }
}

export function exitCodeOf(error) {
  return error instanceof CommandFailed ? error.exitCode : 1;
}

/**
 * Runs a command in the root and resolves with its exit code (128 + n for a signal). `quiet` keeps what it prints and
 * hands it to `onOutput` at the end; else the child has the terminal.
 */
export function run(command, args, { quiet = false, onOutput = () => {}, env = {}, shell = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      shell,
      stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit",
    });
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    // A terminal's Ctrl-C reaches the child by itself; what matters here is to outlive it and to pass a `kill` on.
    const interrupt = () => {};
    const terminate = () => child.kill("SIGTERM");
    process.on("SIGINT", interrupt);
    process.on("SIGTERM", terminate);
    const settle = () => {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", terminate);
      onOutput(Buffer.concat(chunks).toString());
    };
    child.once("error", (error) => {
      settle();
      reject(error);
    });
    child.once("close", (code, signal) => {
      settle();
      resolve(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 137));
    });
  });
}

/** Runs a Node program with this very Node: needs no shell and no `.cmd` on Windows. */
export function runNode(args, options) {
  return run(process.execPath, args, options);
}

/** Runs a step quietly; what it printed appears only when it failed. */
export async function runQuietly(what, start) {
  let output = "";
  const code = await start({
    quiet: true,
    onOutput: (text) => {
      output = text;
    },
  });
  if (code !== 0) throw new CommandFailed(what, code, output);
}

/** Prints one short line for a step that took time. */
export async function timed(what, work) {
  const begun = performance.now();
  const result = await work();
  const seconds = (performance.now() - begun) / 1000;
  if (seconds >= 0.5) console.error(`${what} ${seconds.toFixed(1)} s`);
  return result;
}
