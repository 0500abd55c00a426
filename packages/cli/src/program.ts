import { createRequire } from "node:module";
import { nearestName } from "@trunkline/core/driver";
import type { Command } from "./arguments/command.js";
import { parseInput } from "./arguments/parse.js";
import { commandHelp, programHelp } from "./arguments/usage.js";
import { conformance } from "./commands/conformance.js";
import { drivers } from "./commands/drivers.js";
import { listen } from "./commands/listen.js";
import { newDriver } from "./commands/new-driver.js";
import { notify } from "./commands/notify.js";
import { call, cast, fanout } from "./commands/request.js";
import { serve } from "./commands/serve.js";
import { EXIT_ABORTED, EXIT_OK, exitCodeOf } from "./exit-code.js";
import { reportError } from "./report-error.js";
import type { Surroundings } from "./surroundings.js";
import { UsageError } from "./usage-error.js";

/** In the order in which `--help` lists them. */
export const COMMANDS: readonly Command[] = [
  call,
  cast,
  fanout,
  notify,
  listen,
  serve,
  drivers,
  conformance,
  newDriver,
];

/** Runs one command line, without the program's own name. Resolves with the exit code and never rejects. */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  const [first, ...rest] = words;
  let command: Command | undefined;
  try {
    if (first === "--help" || first === "-h" || first === "help") {
      const asked = rest[0];
      await terminal.text(asked === undefined ? programHelp(COMMANDS) : commandHelp(findCommand(asked)));
      return EXIT_OK;
    }
    if (first === "--version") {
      await terminal.text(readVersion());
      return EXIT_OK;
    }
    command = findCommand(first);
    const input = parseInput(command, rest);
    if (input === undefined) {
      await terminal.text(commandHelp(command));
      return EXIT_OK;
    }
    return await command.run(input, surroundings);
  } catch (error) {
    const isOrdinaryEnd = command?.isEndless === true && surroundings.interrupted.aborted;
    if (isOrdinaryEnd && exitCodeOf(error) === EXIT_ABORTED) return EXIT_OK;
    return reportError(error, surroundings, command);
  }
}

function findCommand(name: string | undefined): Command {
  if (name === undefined) throw new UsageError("which command?", programHelp(COMMANDS));
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = COMMANDS.map((command) => command.name);
  const meant = nearestName(name, names);
  const what = name.startsWith("-") ? "option" : "command";
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new UsageError(`there is no ${what} ${name}${hint}`, `usage: trunkline ${names.join("|")} …`);
}

function readVersion(): string {
  // The package's own manifest, whose version is a string.
  return (createRequire(import.meta.url)("../package.json") as { readonly version: string }).version;
}
