import type { Terminal } from "./terminal.js";

/** What ended the command from outside: Ctrl-C, or whoever supervises it. */
export type EndingSignal = "SIGINT" | "SIGTERM";

/** What a command has beside its arguments; tests replace it. */
export interface Surroundings {
  readonly terminal: Terminal;
  /** Fires at the first SIGINT or SIGTERM; its reason is the signal's name. */
  readonly interrupted: AbortSignal;
}
