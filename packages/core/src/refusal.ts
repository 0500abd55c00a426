/** The generic refusal (H): what the manifest does not claim is refused here, before the driver hears of it. */
import type { Acceptance, BooleanCapability, Capabilities } from "./capabilities.js";
import { CAPABILITY_KEYS } from "./capabilities.js";
import { InvalidArgumentError, NotSupportedError } from "./errors.js";

/**
 * Returns where the manifest claims `key`.
 * @param what what was asked for, as the subject of the message: `a listener with a pool`.
 * @throws NotSupportedError
 */
export function requireCapability(
  capabilities: Capabilities,
  driver: string,
  key: BooleanCapability,
  what: string,
): void {
  if (capabilities[key]) return;
  throw new NotSupportedError(
    `${what} needs the capability "${key}", which the driver "${driver}" does not claim; choose another driver or leave it out`,
    key,
    driver,
  );
}

/** What an application may ask of a manifest: booleans that must hold, words of at least this strength, bounds that suffice. */
export type Requirements = {
  readonly [K in keyof Capabilities]?: K extends "acceptance"
    ? { readonly casts?: Acceptance; readonly events?: Acceptance }
    : K extends "duplicateWindow"
      ? { readonly ids?: number; readonly ms?: number }
      : Capabilities[K];
};

const STRENGTH: Readonly<Record<string, readonly string[]>> = {
  acceptance: ["transport", "broker", "durable"],
  undeliverable: ["none", "no-queue", "no-listener"],
  peerDeath: ["none", "monitored", "detected"],
  ordering: ["none", "per-target"],
  eventContext: ["listed", "filtered"],
};

/** Keys whose smaller value is the better one. */
const AT_MOST: ReadonlySet<string> = new Set(["detectionMs", "joinLatencyMs", "recoveryMs"]);

/**
 * Checks every requirement against the manifest. `false` asks for nothing.
 * @throws NotSupportedError for the first that is not met, InvalidArgumentError for a key or a value that no manifest has.
 */
export function checkRequirements(needs: Requirements, capabilities: Capabilities, driver: string): void {
  if (typeof needs !== "object" || needs === null) {
    throw new InvalidArgumentError("require takes an object of capabilities, such as { pools: true }");
  }
  for (const [key, need] of Object.entries(needs)) {
    // Widened, because the question is whether this string is one of them.
    if (!(CAPABILITY_KEYS as readonly string[]).includes(key)) {
      throw new InvalidArgumentError(
        `require: "${key}" is no key of the manifest; it has ${CAPABILITY_KEYS.join(", ")}`,
      );
    }
    if (need === undefined) continue;
    // The key was just found among the manifest's own.
    const has = capabilities[key as keyof Capabilities];
    if (typeof has === "object") {
      if (typeof need !== "object" || need === null)
        throw new InvalidArgumentError(`require: ${key} must be an object`);
      for (const [part, wanted] of Object.entries(need)) {
        if (!(part in has)) throw new InvalidArgumentError(`require: ${key} has no "${part}"`);
        // `part` was just found among the members of this same object.
        check(key, `${key}.${part}`, (has as Readonly<Record<string, unknown>>)[part], wanted, driver);
      }
    } else check(key, key, has, need, driver);
  }
}

function check(key: string, name: string, has: unknown, need: unknown, driver: string): void {
  if (need === undefined || need === false) return;
  if (typeof need !== typeof has)
    throw new InvalidArgumentError(`require: ${name} is a ${typeof has}, got ${String(need)}`);
  if (suffices(key, name, has, need)) return;
  throw new NotSupportedError(
    `the application requires ${name} ${JSON.stringify(need)}; the driver "${driver}" has ${JSON.stringify(has)}`,
    key,
    driver,
  );
}

function suffices(key: string, name: string, has: unknown, need: unknown): boolean {
  const order = STRENGTH[key];
  if (order !== undefined && typeof need === "string" && typeof has === "string") {
    if (!order.includes(need)) throw new InvalidArgumentError(`require: ${name} must be one of ${order.join(", ")}`);
    return order.indexOf(has) >= order.indexOf(need);
  }
  if (typeof need === "number" && typeof has === "number") {
    if (Number.isNaN(need)) throw new InvalidArgumentError(`require: ${name} must be a number`);
    return AT_MOST.has(key) ? has <= need : has >= need;
  }
  return has === need;
}
