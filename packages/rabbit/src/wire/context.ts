/** The request context (D1): on this wire each of its members is one of the message, behind a prefix. */
import { type JsonObject, SerializationError } from "@trunkline/core/driver";
import type { InnerMessage } from "./inner-message.js";

/** Names that a Python server puts into the context itself: what a client sent under them would be lost. */
export const RESERVED_CONTEXT_KEYS: readonly string[] = ["msg_id", "reply_q", "client_timeout"];

const PREFIX = "_context_";

/**
 * The message's members for a context whose values have been checked.
 * @throws SerializationError for a reserved name: it is refused and not swallowed.
 */
export function contextMembers(context: JsonObject): JsonObject {
  for (const key of RESERVED_CONTEXT_KEYS) {
    if (Object.hasOwn(context, key) && context[key] !== undefined) {
      const path = `context.${key}`;
      throw new SerializationError(
        `${path} cannot travel: oslo.messaging keeps "${key}" for itself; give the member another name`,
        { path },
      );
    }
  }
  return Object.fromEntries(Object.entries(context).map(([key, value]) => [PREFIX + key, value]));
}

/** The context that came with a message; empty where there is none. */
export function readContext(inner: InnerMessage): JsonObject {
  const members = Object.entries(inner)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, value]) => [key.slice(PREFIX.length), value] as const)
    .filter(([key]) => !RESERVED_CONTEXT_KEYS.includes(key));
  // What was read from JSON is made of values only. An entry named `__proto__` becomes an own member.
  return Object.fromEntries(members) as JsonObject;
}
