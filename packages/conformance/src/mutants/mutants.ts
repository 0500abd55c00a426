import type { DriverFactory } from "@trunkline/core/driver";
import type { Mutant } from "./mutant.js";
import { TIER_A } from "./tier-a/index.js";
import { TIER_B } from "./tier-b/index.js";
import { wrapDriver, wrapFactory } from "./wrap.js";

export { TIER_A, TIER_B };

/** The broken drivers that every edition of the kit must fail. */
export const MUTANTS: readonly Mutant[] = Object.freeze([...TIER_A, ...TIER_B]);

/** Wraps as the mutants do and changes nothing: what it fails, the wrapping failed. */
export function unchanged(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => wrapDriver(driver, {}));
}
