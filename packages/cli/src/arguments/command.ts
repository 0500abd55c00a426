import type { Surroundings } from "../surroundings.js";
import type { Input } from "./input.js";

/** An argument by its place. `repeated` takes one or more and comes last. */
export interface Operand {
  readonly name: string;
  readonly kind: "required" | "optional" | "repeated";
  readonly help: string;
}

export interface Option {
  /** Without the dashes. */
  readonly name: string;
  /** What stands for its value in the usage line; absent: a switch. */
  readonly value?: string;
  readonly isRequired?: boolean;
  readonly help: string;
}

/** One command of the program, as data, so that parsing, usage and help agree. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly operands: readonly Operand[];
  readonly options: readonly Option[];
  /** It runs until somebody ends it: SIGINT and SIGTERM are its ordinary end, whenever they come. */
  readonly isEndless?: boolean;
  /** One that can be typed as it is. */
  readonly example: string;
  /** Resolves with the exit code; what it rejects with is reported and becomes one. */
  run(input: Input, surroundings: Surroundings): Promise<number>;
}
