import { parseArgs } from "node:util";
import { nearestName } from "@trunkline/core/driver";
import { UsageError } from "../usage-error.js";
import type { Command, Operand, Option } from "./command.js";
import { Input } from "./input.js";

/** Every command takes it, so none declares it. */
const HELP: Option = { name: "help", help: "say how to use it" };

/**
 * Sorts the words after a command's name; undefined where help was asked for.
 * @throws UsageError for an option that does not exist (with the one that was meant), one without its value or given twice, and
 * for operands that are missing or too many.
 */
export function parseInput(command: Command, words: readonly string[]): Input | undefined {
  const known = [...command.options, HELP];
  const { tokens } = parseArgs({
    args: [...words],
    options: {
      ...Object.fromEntries(
        known.map(({ name, value }) => [
          name,
          { type: value === undefined ? ("boolean" as const) : ("string" as const) },
        ]),
      ),
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
    // Its own complaints name neither the nearest option nor the command.
    strict: false,
    tokens: true,
  });
  const values: string[] = [];
  const options = new Map<string, string>();
  const switches = new Set<string>();
  for (const token of tokens) {
    if (token.kind === "positional") values.push(token.value);
    if (token.kind !== "option") continue;
    const option = known.find(({ name }) => name === token.name);
    if (option === undefined) throw unknownOption(token.rawName, known);
    if (options.has(option.name) || switches.has(option.name)) throw new UsageError(`--${option.name} is given twice`);
    if (option.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`--${option.name} takes no value`);
      switches.add(option.name);
    } else {
      options.set(option.name, takeValue(option, token.value, token.inlineValue === true));
    }
  }
  if (switches.has(HELP.name)) return undefined;
  const missing = command.options.find(({ name, isRequired }) => isRequired === true && !options.has(name));
  const operands = assign(command.operands, values);
  if (missing !== undefined)
    throw new UsageError(`--${missing.name} ${missing.value ?? ""} is missing: ${missing.help}`);
  return new Input(operands, options, switches);
}

function unknownOption(rawName: string, known: readonly Option[]): UsageError {
  const meant = nearestName(
    rawName.replace(/^-+/, ""),
    known.map(({ name }) => name),
  );
  const hint = meant === undefined ? "" : `; did you mean --${meant}?`;
  const advice = /^-\d/.test(rawName) ? '; write "--" before a value that begins with a dash' : "";
  return new UsageError(`there is no option ${rawName}${hint}${advice}`);
}

function takeValue(option: Option, value: string | undefined, isInline: boolean): string {
  const looksLikeOption = !isInline && value !== undefined && /^-./.test(value);
  if (value !== undefined && value !== "" && !looksLikeOption) return value;
  const advice = looksLikeOption ? `; for a value that begins with a dash write --${option.name}=${value}` : "";
  throw new UsageError(`--${option.name} needs a value, ${option.value}${advice}`);
}

function assign(declared: readonly Operand[], values: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const assigned = new Map<string, readonly string[]>();
  let at = 0;
  for (const { name, kind, help } of declared) {
    const taken = kind === "repeated" ? values.slice(at) : values.slice(at, at + 1);
    if (taken.length === 0 && kind !== "optional") throw new UsageError(`${name} is missing: ${help}`);
    if (taken.length > 0) assigned.set(name, taken);
    at += taken.length;
  }
  const extra = values[at];
  if (extra === undefined) return assigned;
  const isSplitJson = declared.at(-1)?.name === "JSON" && /^[{["]|[}\]",]$/.test(values[at - 1] ?? "");
  const quoting = isSplitJson ? "; quote the JSON for the shell" : "";
  throw new UsageError(`${JSON.stringify(extra)} is one argument too many${quoting}`);
}
