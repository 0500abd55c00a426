import { readFile } from "node:fs/promises";
import { InvalidArgumentError } from "../errors.js";
import { checkMembers } from "../option-checks.js";
import { PRIORITIES } from "../seam.js";
import { compileGlob } from "./glob.js";
import type { NotificationEvent } from "./notification.js";
import { type NotificationSink, publishToAll } from "./sink.js";
import { createLogSink, createMessagingSink, createNoopSink } from "./sinks.js";

/** Which events a sink gets: both must hold (AND), by any one of its patterns (OR). What is left out holds for every event. */
export interface RoutingRule {
  /** Patterns of event types: `instance.*`, `*.error`, `volume.[cd]*.end`. */
  readonly acceptedEvents?: readonly string[];
  /** Patterns of priorities: `error`, `*`. */
  readonly acceptedPriorities?: readonly string[];
}

/** Groups of rules by the name of their sink. Groups only order a file; a sink chosen by several gets the event once. */
export interface RoutingRules {
  readonly [group: string]: { readonly [sink: string]: RoutingRule };
}

interface CompiledRule {
  readonly sink: NotificationSink;
  readonly accepts: (event: NotificationEvent) => boolean;
}

/**
 * A sink that hands each event to those of `sinks` whose rules accept it. `messaging`, `log` and `noop` need not be given.
 * @throws InvalidArgumentError naming every rule that is wrong: an unknown sink or member, an empty list, a pattern that no
 * priority can match.
 */
export function createRoutingSink(rules: RoutingRules, sinks: readonly NotificationSink[] = []): NotificationSink {
  const problems: string[] = [];
  const compiled = compileRules(rules, sinks, problems);
  if (problems.length > 0) throw new InvalidArgumentError(`routing rules: ${problems.join("; ")}`);
  return {
    name: "routing",
    // It fails only where an essential sink behind it did.
    isEssential: true,
    publish(emission) {
      const chosen = new Set(compiled.filter((rule) => rule.accepts(emission.event)).map((rule) => rule.sink));
      return publishToAll([...chosen], emission);
    },
  };
}

/**
 * Reads rules from a JSON file, once, and makes a routing sink of them. A later change to the file has no effect.
 * Rejects with InvalidArgumentError naming the file where it cannot be read, is no JSON, or holds a wrong rule.
 */
export async function openRoutingSink(
  file: string | URL,
  sinks: readonly NotificationSink[] = [],
): Promise<NotificationSink> {
  try {
    // `createRoutingSink` checks all that it is given.
    return createRoutingSink(JSON.parse(await readFile(file, "utf8")) as RoutingRules, sinks);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError(`the routing rules in ${String(file)} cannot be used: ${why}`, { cause });
  }
}

function compileRules(rules: unknown, sinks: readonly NotificationSink[], problems: string[]): CompiledRule[] {
  const known = new Map<string, NotificationSink>();
  for (const sink of [createMessagingSink(), createLogSink(), createNoopSink(), ...sinks]) known.set(sink.name, sink);
  const compiled: CompiledRule[] = [];
  for (const [group, members] of entriesOf(rules, "the rules", problems)) {
    for (const [name, rule] of entriesOf(members, `group ${group}`, problems)) {
      const where = `${group}.${name}`;
      const sink = known.get(name);
      if (sink === undefined)
        problems.push(`${where}: there is no sink "${name}"; there are ${[...known.keys()].join(", ")}`);
      const accepts = compileRule(rule, where, problems);
      if (sink !== undefined) compiled.push({ sink, accepts });
    }
  }
  return compiled;
}

function compileRule(rule: unknown, where: string, problems: string[]): CompiledRule["accepts"] {
  const read = (name: string): ((text: string) => boolean) | undefined => {
    // A rule is an object here: `checkMembers` has refused anything else.
    const patterns = (rule as Readonly<Record<string, unknown>>)[name];
    if (patterns === undefined) return undefined;
    if (!Array.isArray(patterns) || patterns.length === 0) {
      throw new InvalidArgumentError(`${name} must be a list of at least one pattern; leave it out to accept all`);
    }
    const globs = patterns.map((pattern: string) => compileGlob(pattern));
    return (text) => globs.some((fits) => fits(text));
  };
  try {
    checkMembers("a rule", rule, ["acceptedEvents", "acceptedPriorities"]);
    const event = read("acceptedEvents");
    const priority = read("acceptedPriorities");
    if (priority !== undefined && !PRIORITIES.some(priority)) {
      throw new InvalidArgumentError(`acceptedPriorities match none of ${PRIORITIES.join(", ")}`);
    }
    return ({ eventType, priority: own }) => (event?.(eventType) ?? true) && (priority?.(own) ?? true);
  } catch (error) {
    problems.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    return () => false;
  }
}

function entriesOf(value: unknown, what: string, problems: string[]): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.entries(value);
  problems.push(`${what} must be an object`);
  return [];
}
