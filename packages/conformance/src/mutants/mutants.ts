import type { Capabilities, DriverFactory } from "@trunkline/core/driver";
import { acceptsUnclaimed, withoutOptions } from "./accepts-unclaimed.js";
import { answersTwice } from "./answers-twice.js";
import { ignoresServer } from "./ignores-server.js";
import { losesCasts } from "./loses-casts.js";
import { matchesPrefixes } from "./matches-prefixes.js";
import { swapsReplies } from "./swaps-replies.js";
import { wrapDriver, wrapFactory } from "./wrap.js";

/** A driver that is broken on purpose, in one way: what the kit is worth is how surely it fails these. */
export interface Mutant {
  readonly name: string;
  /** What is wrong with it, in one line. */
  readonly fault: string;
  /** Cases that must fail, each by itself. */
  readonly killers: readonly string[];
  /** The broken driver, around any other. */
  wrap(factory: DriverFactory): DriverFactory;
  /** The manifest that the broken driver is held to, from that of the driver in it. @default the same */
  claims?(claims: Capabilities): Capabilities;
}

/** The six drivers that every edition of the kit must fail. */
export const MUTANTS: readonly Mutant[] = Object.freeze([
  {
    name: "loses-casts",
    fault: "one cast in 37 is accepted and lost",
    killers: ["CAST-02", "CAST-03", "CAST-08", "ORD-01", "ORD-02"],
    wrap: losesCasts,
  },
  {
    name: "answers-twice",
    fault: "one call in three runs and is answered twice",
    killers: ["CALL-04", "CALL-06", "CALL-07", "ADDR-01"],
    wrap: answersTwice,
  },
  {
    name: "ignores-server",
    fault: "a message for one server goes to any on its topic",
    killers: ["ADDR-01", "ADDR-02", "ADDR-03", "CALL-11"],
    wrap: ignoresServer,
  },
  {
    name: "matches-prefixes",
    fault: "a message goes to who listens on the beginning of its topic",
    killers: ["FAN-05", "ISO-02", "ISO-03"],
    wrap: matchesPrefixes,
  },
  {
    name: "swaps-replies",
    fault: "of two calls in flight each gets the other's answer",
    killers: ["CALL-05", "CALL-06", "CALL-07", "CTX-02"],
    wrap: swapsReplies,
  },
  {
    name: "accepts-unclaimed",
    fault: "options and names that the manifest does not claim are accepted, and ignored",
    killers: [
      ...["MAN-01", "MAN-04", "MAN-06", "POOL-R1", "TIME-R1", "PAY-R1", "PAY-R2", "PAY-R3"],
      ...["ISO-R1", "ISO-R2", "NOTE-R4"],
    ],
    wrap: acceptsUnclaimed,
    claims: withoutOptions,
  },
]);

/** Wraps as the mutants do and changes nothing: what it fails, the wrapping failed. */
export function unchanged(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => wrapDriver(driver, {}));
}
