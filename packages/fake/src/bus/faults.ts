import { checkFault } from "./fault-check.js";
import type { MessageFacts } from "./sent-log.js";

/** Which messages a fault is for: every field that is given must be equal; a function decides by itself. */
export type FaultMatch =
  | { readonly [Fact in Exclude<keyof MessageFacts, "bytes">]?: MessageFacts[Fact] | undefined }
  | ((message: MessageFacts) => boolean);

/** What befalls a message. */
export type FaultAction =
  /** It vanishes; its sender is told nothing and waits to its deadline. */
  | { readonly action: "drop" }
  /** It alone is late by `delayMs`: what was sent after it overtakes it. */
  | { readonly action: "delay"; readonly delayMs: number }
  /** It arrives twice under its own id. */
  | { readonly action: "duplicate" }
  /**
   * The sender's link (of a reply: the caller's) is lost as the message passes, and comes back by itself after
   * `reconnectMs`. The message is lost with it, unless `delivered` says that it arrives before. @default false
   */
  | { readonly action: "disconnect"; readonly delivered?: boolean };

/** One fault on demand. */
export type Fault = FaultAction & {
  /** @default every message, replies included */
  readonly match?: FaultMatch;
  /** The first matching message that it befalls: 1 is the next. @default 1 */
  readonly nth?: number;
  /** How many matching messages in a row it befalls; Infinity: all from then on. @default 1 */
  readonly times?: number;
};

/** A fault that waits for its messages. */
export interface ArmedFault {
  /** How many messages it has befallen so far. */
  readonly hits: number;
  /** Disarms it. Idempotent. */
  cancel(): void;
}

/** The faults that are armed on one bus, in the order of arming: the first that fits is the one that happens. */
export class Faults {
  readonly #rules: Set<Rule> = new Set();

  get isEmpty(): boolean {
    return this.#rules.size === 0;
  }

  /** @throws InvalidArgumentError for names that are not known and bounds that make no sense. */
  arm(fault: Fault): ArmedFault {
    checkFault(fault);
    const { nth = 1, times = 1 } = fault;
    const rule = new Rule(fault, nth, times, () => this.#rules.delete(rule));
    this.#rules.add(rule);
    return rule;
  }

  /** What befalls this message, if anything. Counts it. */
  befall(facts: MessageFacts): FaultAction | undefined {
    for (const rule of this.#rules) if (rule.befalls(facts)) return rule.fault;
    return undefined;
  }

  clear(): void {
    this.#rules.clear();
  }
}

class Rule implements ArmedFault {
  readonly fault: Fault;
  readonly #nth: number;
  readonly #times: number;
  readonly #disarm: () => void;
  #seen = 0;
  #hits = 0;

  constructor(fault: Fault, nth: number, times: number, disarm: () => void) {
    this.fault = fault;
    this.#nth = nth;
    this.#times = times;
    this.#disarm = disarm;
  }

  get hits(): number {
    return this.#hits;
  }

  cancel(): void {
    this.#disarm();
  }

  befalls(facts: MessageFacts): boolean {
    if (!matches(this.fault.match, facts)) return false;
    this.#seen += 1;
    if (this.#seen < this.#nth) return false;
    this.#hits += 1;
    if (this.#hits >= this.#times) this.#disarm();
    return true;
  }
}

function matches(match: FaultMatch | undefined, facts: MessageFacts): boolean {
  if (match === undefined) return true;
  if (typeof match === "function") return match(facts);
  // The keys of a match are facts by its type, and were checked when it was armed.
  return Object.entries(match).every(
    ([fact, wanted]) => wanted === undefined || facts[fact as keyof MessageFacts] === wanted,
  );
}
