/** The inner message as a peer sent it: an object of JSON whose members nobody has looked at yet. */
import { malformed, quoted } from "./malformed.js";

/** A JSON object. It may have a member of any name, `__proto__` too, so that only own members count. */
export interface InnerMessage {
  readonly [key: string]: unknown;
}

/** True for a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is InnerMessage {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A member that is a text or not there; null is not there.
 * @throws MalformedError for anything else.
 */
export function optionalText(inner: InnerMessage, key: string): string | undefined {
  const member = inner[key] ?? undefined;
  if (member === undefined || typeof member === "string") return member;
  throw malformed(`"${key}" must be a string, got ${quoted(member)}`);
}

/** @throws MalformedError where there is no such text, or an empty one. */
export function requiredText(inner: InnerMessage, key: string): string {
  const text = optionalText(inner, key);
  if (text === undefined || text === "") throw malformed(`"${key}" is missing`);
  return text;
}
