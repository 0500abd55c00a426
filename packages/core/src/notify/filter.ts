import { InvalidArgumentError } from "../errors.js";
import { checkMembers } from "../option-checks.js";
import type { JsonObject, Value } from "../value.js";
import type { NotificationEvent } from "./notification.js";

/** A regular expression, or its source. It matches where it fits at the start of the text; end it with `$` to match the whole. */
export type Pattern = string | RegExp;

/**
 * Which events an endpoint sees (C5): all that is given must match. An event that no endpoint wants is acknowledged.
 *
 * Members of context and payload are looked up by their own name, one level deep; texts, numbers and booleans are compared as text,
 * and a member that is absent, null or an object does not match.
 */
export interface NotificationFilter {
  readonly publisherId?: Pattern;
  readonly eventType?: Pattern;
  readonly context?: { readonly [key: string]: Pattern };
  readonly payload?: { readonly [key: string]: Pattern };
  readonly metadata?: { readonly messageId?: Pattern; readonly timestamp?: Pattern; readonly priority?: Pattern };
}

export type EventTest = (event: NotificationEvent) => boolean;

const MEMBERS = ["publisherId", "eventType", "context", "payload", "metadata"] as const;
const METADATA = ["messageId", "timestamp", "priority"] as const;

/** @throws InvalidArgumentError naming the member that is unknown or no pattern. */
export function compileFilter(filter: NotificationFilter | undefined): EventTest {
  if (filter === undefined) return () => true;
  checkMembers("a filter", filter, MEMBERS);
  const tests: EventTest[] = [];
  for (const name of ["publisherId", "eventType"] as const) {
    const pattern = filter[name];
    if (pattern === undefined) continue;
    const fits = compilePattern(name, pattern);
    tests.push((event) => fits(event[name]));
  }
  for (const name of ["context", "payload"] as const) {
    for (const [key, pattern] of patternsOf(name, filter[name])) {
      const fits = compilePattern(`${name}.${key}`, pattern);
      tests.push((event) => fits(ownMember(event[name], key)));
    }
  }
  if (filter.metadata !== undefined) checkMembers("a filter's metadata", filter.metadata, METADATA);
  for (const name of METADATA) {
    const pattern = filter.metadata?.[name];
    if (pattern === undefined) continue;
    const fits = compilePattern(`metadata.${name}`, pattern);
    tests.push((event) => fits(event[name]));
  }
  return (event) => tests.every((fits) => fits(event));
}

function patternsOf(name: string, patterns: { readonly [key: string]: Pattern } | undefined): [string, Pattern][] {
  if (patterns === undefined) return [];
  if (typeof patterns === "object" && patterns !== null && !(patterns instanceof RegExp))
    return Object.entries(patterns);
  throw new InvalidArgumentError(
    `a filter's ${name} must be an object of patterns by member, such as { tenant: "^acme$" }`,
  );
}

function compilePattern(where: string, pattern: Pattern): (value: Value | undefined) => boolean {
  const expression = stickyExpression(where, pattern);
  return (value) => {
    const kind = typeof value;
    if (kind !== "string" && kind !== "number" && kind !== "boolean" && kind !== "bigint") return false;
    expression.lastIndex = 0;
    return expression.test(String(value));
  };
}

/** Sticky at 0 is a match at the start that leaves alternatives and captures of the pattern as they are. */
function stickyExpression(where: string, pattern: unknown): RegExp {
  if (pattern instanceof RegExp) return new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, "")}y`);
  if (typeof pattern !== "string") {
    throw new InvalidArgumentError(
      `a filter's ${where} must be a regular expression or its source, got ${typeof pattern}`,
    );
  }
  try {
    return new RegExp(pattern, "uy");
  } catch (cause) {
    throw new InvalidArgumentError(
      `a filter's ${where} is no regular expression: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

function ownMember(value: Value | JsonObject, key: string): Value | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return undefined;
  // An object that has this member as its own.
  return (value as JsonObject)[key];
}
