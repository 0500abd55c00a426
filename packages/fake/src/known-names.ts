import { InvalidArgumentError, nearestName } from "@trunkline/core/driver";

/** @throws InvalidArgumentError unless `name` is one of `known`; it names the nearest. */
export function checkKnownName(what: string, name: unknown, known: readonly string[]): void {
  if (typeof name === "string" && known.includes(name)) return;
  const meant = typeof name === "string" ? nearestName(name, known) : undefined;
  const hint = meant === undefined ? `it is one of ${known.join(", ")}` : `did you mean ${meant}?`;
  throw new InvalidArgumentError(`${what} cannot be ${shown(name)}; ${hint}`);
}

/** @throws InvalidArgumentError unless `value` is an object of which every key is in `known`; it names the nearest. */
export function checkKnownKeys(what: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError(`${what} must be an object with some of ${known.join(", ")}, got ${shown(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const meant = nearestName(key, known);
    const hint = meant === undefined ? `it knows ${known.join(", ")}` : `did you mean ${meant}?`;
    throw new InvalidArgumentError(`${what} does not know ${JSON.stringify(key)}; ${hint}`);
  }
}

/** For an error's message: never throws. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
