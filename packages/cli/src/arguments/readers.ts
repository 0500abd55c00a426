import type { JsonObject, Value } from "@trunkline/core";
import { parseJson } from "../json/parse-json.js";
import { UsageError } from "../usage-error.js";
import type { Option } from "./command.js";
import type { Input } from "./input.js";

/** Options that several commands have, and how the values of all are read. */
export const EXCHANGE: Option = { name: "exchange", value: "NAME", help: "the exchange; default: the driver's" };
export const CONTEXT: Option = { name: "context", value: "JSON", help: "the request context, a JSON object" };

/** The longest time that a timer of Node's can wait. */
const LONGEST_MS = 2 ** 31 - 1;

/** @throws UsageError unless it is absent, or milliseconds above 0. */
export function readTimeoutMs(input: Input): number | undefined {
  return readNumber(
    input,
    "timeout",
    (ms) => ms > 0 && ms <= LONGEST_MS,
    `milliseconds above 0 and at most ${LONGEST_MS}`,
  );
}

/** @throws UsageError unless it is absent, or a whole number of 1 or more. */
export function readCount(input: Input, name: string): number | undefined {
  return readNumber(input, name, (count) => Number.isSafeInteger(count) && count >= 1, "a whole number of 1 or more");
}

function readNumber(input: Input, name: string, fits: (value: number) => boolean, bounds: string): number | undefined {
  const text = input.optional(name);
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (fits(value)) return value;
  throw new UsageError(`--${name} must be ${bounds}, got ${JSON.stringify(text)}`);
}

/** As core reads versions; asked here, so that the option is named and not the field of a target. */
const VERSION = /^\d{1,9}\.\d{1,9}(\.\d{1,9})?$/;

/** @throws UsageError unless it is absent, or two or three numbers with points between. */
export function readVersion(input: Input): string | undefined {
  const text = input.optional("version");
  if (text === undefined || VERSION.test(text)) return text;
  throw new UsageError(`--version must be major.minor or major.minor.revision, got ${JSON.stringify(text)}`);
}

/** The operand JSON as any value. @throws UsageError that says where it is broken. */
export function readJson(input: Input, what: string): Value | undefined {
  const text = input.optional("JSON");
  return text === undefined ? undefined : parseJson(what, text);
}

/** The operand JSON as an object. @throws UsageError */
export function readParams(input: Input): JsonObject | undefined {
  return checkObject("params", readJson(input, "params"));
}

/** @throws UsageError */
export function readContext(input: Input): JsonObject | undefined {
  const text = input.optional("context");
  return text === undefined ? undefined : checkObject("--context", parseJson("--context", text));
}

function checkObject(what: string, value: Value | undefined): JsonObject | undefined {
  if (value === undefined) return undefined;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) throw new UsageError(`${what} must be a JSON object such as {"id": 1}, got ${JSON.stringify(value)}`);
  // It came from JSON.parse: an object of it is a plain one.
  return value as JsonObject;
}

/** An object without the members that are undefined, for options where absent and undefined differ. */
export function present<Given extends object>(given: Given): { [Key in keyof Given]?: Exclude<Given[Key], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  // Only members that are undefined were taken away.
  return Object.fromEntries(entries) as { [Key in keyof Given]?: Exclude<Given[Key], undefined> };
}
