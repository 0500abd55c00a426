import { InvalidArgumentError } from "@trunkline/core/driver";
import { checkKnownKeys, checkKnownName } from "../known-names.js";
import type { Fault, FaultAction, FaultMatch } from "./faults.js";
import type { MessageFacts } from "./sent-log.js";

type Fact = keyof Exclude<FaultMatch, (message: MessageFacts) => boolean>;

// Records, so that the compiler asks for a new name here as well.
const ACTIONS: Readonly<Record<FaultAction["action"], readonly string[]>> = {
  drop: [],
  delay: ["delayMs"],
  duplicate: [],
  disconnect: ["delivered"],
};

const KINDS: Readonly<Record<MessageFacts["kind"], true>> = {
  call: true,
  cast: true,
  fanout: true,
  event: true,
  reply: true,
};

const PRIORITIES: Readonly<Record<NonNullable<MessageFacts["priority"]>, true>> = {
  audit: true,
  debug: true,
  info: true,
  warn: true,
  error: true,
  critical: true,
  sample: true,
};

const FACTS: Readonly<Record<Fact, true>> = {
  kind: true,
  peer: true,
  realm: true,
  exchange: true,
  topic: true,
  server: true,
  method: true,
  eventType: true,
  priority: true,
  id: true,
};

const COMMON_KEYS = ["action", "match", "nth", "times"];

/**
 * Checks what a program without types may have written: a fault that fits no message would let its test pass.
 * @throws InvalidArgumentError
 */
export function checkFault(fault: Fault): void {
  const every = [...COMMON_KEYS, ...Object.values(ACTIONS).flat()];
  checkKnownKeys("a fault", fault, every);
  checkKnownName("a fault's action", fault.action, Object.keys(ACTIONS));
  // What another action has is told as such, and not as a typing mistake.
  for (const key of Object.keys(fault)) {
    if (COMMON_KEYS.includes(key) || ACTIONS[fault.action].includes(key)) continue;
    throw new InvalidArgumentError(`a fault of action ${fault.action} has no ${key}`);
  }
  const { nth = 1, times = 1, match } = fault;
  if (!(Number.isInteger(nth) && nth >= 1)) {
    throw new InvalidArgumentError(`a fault's nth must be a whole number from 1, got ${String(nth)}`);
  }
  if (!((Number.isInteger(times) && times >= 1) || times === Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError(`a fault's times must be a whole number from 1, or Infinity, got ${String(times)}`);
  }
  if (fault.action === "delay" && !(Number.isFinite(fault.delayMs) && fault.delayMs >= 0)) {
    throw new InvalidArgumentError(`a fault's delayMs must be a finite number from 0, got ${String(fault.delayMs)}`);
  }
  if (fault.action === "disconnect" && !["boolean", "undefined"].includes(typeof fault.delivered)) {
    throw new InvalidArgumentError(`a fault's delivered must be true or false, got ${String(fault.delivered)}`);
  }
  if (match !== undefined && typeof match !== "function") checkMatch(match);
}

function checkMatch(match: Exclude<FaultMatch, (message: MessageFacts) => boolean>): void {
  checkKnownKeys("a fault's match", match, Object.keys(FACTS));
  for (const [fact, wanted] of Object.entries(match)) {
    if (wanted === undefined) continue;
    if (fact === "kind") checkKnownName("a match's kind", wanted, Object.keys(KINDS));
    else if (fact === "priority") checkKnownName("a match's priority", wanted, Object.keys(PRIORITIES));
    else if (typeof wanted !== "string") {
      throw new InvalidArgumentError(`a match's ${fact} must be a string, got ${String(wanted)}`);
    }
  }
}
