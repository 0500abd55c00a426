/** Refusals of what came from the wire (F1). */
import { MalformedError } from "@trunkline/core/driver";

/** What is wrong with a message as a whole, or with a member of it; a place in its text is only known while that is read. */
export function malformed(reason: string): MalformedError {
  return new MalformedError(reason, 0);
}

/** The value for an error's text: a string quoted and cut off, of everything else its kind. Never throws, whatever a peer sent. */
export function quoted(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED)}…` : value);
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return `a ${typeof value}`;
}

const MAX_QUOTED = 100;
