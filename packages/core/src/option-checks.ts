/** Checks of what applications pass as options: nothing is accepted and ignored, and nothing of the wrong kind gets further. */
import { InvalidArgumentError } from "./errors.js";
import { nearestName } from "./nearest-name.js";

/**
 * Returns if `options` has no member beyond `known`: nothing is accepted and ignored.
 * @throws InvalidArgumentError naming each that is not known, and the known one that was probably meant.
 */
export function checkMembers(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`${what} must be an object with some of ${known.join(", ")}`);
  }
  const strange = Object.keys(options).filter((name) => !known.includes(name));
  if (strange.length === 0) return;
  const names = strange.map((name) => JSON.stringify(name)).join(", ");
  const meant = [...new Set(strange.map((name) => nearestName(name, known)))].filter((name) => name !== undefined);
  const hint = meant.length === 0 ? "" : `; did you mean ${meant.join(", ")}?`;
  const [doNot, all] = /\boptions\b/.test(what) ? ["do not know", "they know"] : ["does not know", "it knows"];
  throw new InvalidArgumentError(`${what} ${doNot} ${names}${hint}; ${all} ${known.join(", ")}`);
}

/** @throws InvalidArgumentError unless it is a whole number of at least `least`. */
export function checkCount(name: string, count: unknown, least: number): number {
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= least) return count;
  throw new InvalidArgumentError(`${name} must be a whole number of at least ${least}, got ${describeGiven(count)}`);
}

/** @throws InvalidArgumentError unless it is true or false. */
export function checkFlag(name: string, flag: unknown): boolean {
  if (typeof flag === "boolean") return flag;
  throw new InvalidArgumentError(`${name} must be true or false, got ${describeGiven(flag)}`);
}

/** @throws InvalidArgumentError unless it has what an AbortSignal is used for. One of another realm is one too. */
export function checkSignal(signal: unknown): void {
  const isSignal =
    typeof signal === "object" &&
    signal !== null &&
    "aborted" in signal &&
    typeof Reflect.get(signal, "addEventListener") === "function" &&
    typeof Reflect.get(signal, "removeEventListener") === "function";
  if (!isSignal) throw new InvalidArgumentError("signal must be an AbortSignal, such as an AbortController's `signal`");
}

/** @throws InvalidArgumentError unless it is a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new InvalidArgumentError(`${name} must be a function, got ${typeof value}`);
}

/** @throws InvalidArgumentError unless it has every one of the methods. */
export function checkMethods(name: string, value: unknown, methods: readonly string[]): void {
  const holder = (typeof value === "object" && value !== null) || typeof value === "function" ? value : {};
  const missing = methods.filter((method) => typeof Reflect.get(holder, method) !== "function");
  if (missing.length === 0) return;
  throw new InvalidArgumentError(`${name} needs the methods ${methods.join(", ")}; missing: ${missing.join(", ")}`);
}

/** A value where one of another kind or size is expected: what it is, with its kind where the text alone would mislead. */
export function describeGiven(value: unknown): string {
  if (typeof value === "string") return `${JSON.stringify(value)} (a string)`;
  if (typeof value === "bigint") return `${value}n (a bigint)`;
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}
