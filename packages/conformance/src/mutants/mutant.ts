import type { Capabilities, DriverFactory } from "@trunkline/core/driver";

/** A driver that is broken on purpose, in one way: what the kit is worth is how surely it fails these. */
export interface Mutant {
  /** `M01` and on. Never reused, never renumbered. */
  readonly id: string;
  readonly name: string;
  /** What is wrong with it, in one line. */
  readonly fault: string;
  /** Cases that must fail, each by itself and not by its deadline; the quickest first. */
  readonly killers: readonly string[];
  /** Cases that pass and must run before a killer that reviews what the run saw. @default none */
  readonly before?: readonly string[];
  /** The broken driver, around any other. */
  wrap(factory: DriverFactory): DriverFactory;
  /** The manifest that the broken driver is held to, from that of the driver in it. @default the same */
  claims?(claims: Capabilities): Capabilities;
}
