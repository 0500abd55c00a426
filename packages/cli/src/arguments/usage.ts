import type { Command, Operand, Option } from "./command.js";

/** The line that shows a command's shape: `trunkline call URL TOPIC METHOD [JSON] [--timeout MS]`. */
export function usageLine(command: Command): string {
  const operands = command.operands.map(showOperand);
  const options = command.options.map((option) =>
    option.isRequired === true ? showOption(option) : `[${showOption(option)}]`,
  );
  return ["usage: trunkline", command.name, ...operands, ...options].join(" ");
}

/** What `trunkline COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const rows = [
    ...command.operands.map((operand): readonly [string, string] => [operand.name, operand.help]),
    ...command.options.map((option): readonly [string, string] => [showOption(option), option.help]),
  ];
  return [usageLine(command), "", command.summary, "", ...columns(rows), "", "example:", `  ${command.example}`].join(
    "\n",
  );
}

/** What `trunkline --help` prints. */
export function programHelp(commands: readonly Command[]): string {
  return [
    "usage: trunkline COMMAND …",
    "",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "trunkline COMMAND --help says more of one; trunkline --version says which this is.",
    "",
    "A result is one JSON value on stdout, everything else is on stderr. Exit codes: 0 done, 1 the other side refused,",
    "2 wrong usage or input, 3 timed out, 4 not delivered, 5 the driver does not support it, 130 interrupted, 70 a fault of",
    "the command itself.",
  ].join("\n");
}

function showOperand({ name, kind }: Operand): string {
  if (kind === "repeated") return `${name}…`;
  return kind === "optional" ? `[${name}]` : name;
}

function showOption({ name, value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
