import { constants } from "node:os";
import { RemoteError } from "@trunkline/core";
import type { Command } from "./arguments/command.js";
import { usageLine } from "./arguments/usage.js";
import { EXIT_ABORTED, EXIT_INTERNAL, errorCodeOf, exitCodeOf } from "./exit-code.js";
import { printable } from "./json/printable.js";
import type { Surroundings } from "./surroundings.js";
import { UsageError } from "./usage-error.js";

/** Says on stderr what went wrong and what to do about it; returns the exit code. */
export function reportError(error: unknown, surroundings: Surroundings, command?: Command): number {
  const { terminal } = surroundings;
  const who = command === undefined ? "trunkline" : `trunkline ${command.name}`;
  const code = errorCodeOf(error);
  const exitCode = exitCodeOf(error);
  if (exitCode === EXIT_ABORTED) {
    const signal = surroundings.interrupted.aborted ? String(surroundings.interrupted.reason) : "SIGINT";
    terminal.say(`${who}: interrupted`);
    return signalExitCode(signal);
  }
  if (exitCode === EXIT_INTERNAL) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.say(terminal.paint(`${who}: a fault of the command itself: ${told}`, "red"));
    return exitCode;
  }
  terminal.say(terminal.paint(`${who}: ${describe(error)}`, "red"));
  if (error instanceof UsageError) {
    if (error.hint !== undefined) terminal.say(error.hint);
    else if (command !== undefined) terminal.say(usageLine(command));
  } else if (code !== undefined) {
    terminal.say(terminal.paint(`(${code})`, "dim"));
  }
  return exitCode;
}

/** 128 and the signal's number, as shells count it. */
export function signalExitCode(signal: string): number {
  const number: unknown = Reflect.get(constants.signals, signal);
  return typeof number === "number" ? 128 + number : EXIT_ABORTED;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The data of a handler's own error; what the SDK refuses by itself, its message tells whole.
  const hasDetails = error instanceof RemoteError && error.code === "ERR_REMOTE" && !isEmpty(error.details);
  return hasDetails ? `${error.message} ${JSON.stringify(printable(error.details))}` : error.message;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
}
