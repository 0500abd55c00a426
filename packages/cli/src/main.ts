#!/usr/bin/env node
import { runProgram } from "./program.js";
import { signalExitCode } from "./report-error.js";
import type { EndingSignal } from "./surroundings.js";
import { Terminal } from "./terminal.js";

/** Longer than any timer may be; what it is for is to be there. */
const FOREVER_MS = 2 ** 31 - 1;

/** How long after its result the command waits for what is still open. */
const LATEST_END_MS = 3_000;

// Not every driver keeps a process alive while it serves or listens: the command does, until it is done.
const alive = setInterval(() => {}, FOREVER_MS);
const interruption = new AbortController();

function interrupt(signal: EndingSignal): void {
  // Whoever asks a second time wants it now.
  if (interruption.signal.aborted) process.exit(signalExitCode(signal));
  interruption.abort(signal);
}

process.on("SIGINT", interrupt);
process.on("SIGTERM", interrupt);

const terminal = new Terminal(process.stdout, process.stderr, process.env);
process.exitCode = await runProgram(process.argv.slice(2), { terminal, interrupted: interruption.signal });

process.off("SIGINT", interrupt);
process.off("SIGTERM", interrupt);
clearInterval(alive);

// The process ends by itself, unless a driver left something open: then it has had its time, and the person is told.
setTimeout(() => {
  terminal.say("trunkline: the driver left something open that keeps the process alive; ending it");
  process.exit();
}, LATEST_END_MS).unref();
