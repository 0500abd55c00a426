import { SerializationError } from "../errors.js";
import { isPlainObject } from "../kit/payload-check.js";
import { looksSecret } from "../secret-names.js";
import type { JsonObject, Value } from "../value.js";

/** Says what of a context may go along with an event (C1). Called before the serializer; must not change its argument. */
export type ContextFilter = (context: JsonObject) => JsonObject;

/**
 * The default where the manifest says `eventContext: "filtered"`: leaves out each member, at any depth, whose name looks like a token, password, secret, key, cookie or other
 * credential. A context without any goes through as it is.
 * @throws SerializationError for a context that holds itself.
 */
export const withoutSecrets: ContextFilter = (context) => {
  // An object in gives an object out.
  return clean(context, "context", new Set()) as JsonObject;
};

/**
 * Lets only these members of the context through, as oslo.messaging's allow-list does; what is inside them is not looked at.
 * With the driver's own list it is the default where the manifest says `eventContext: "listed"`.
 */
export function onlyContextKeys(keys: readonly string[]): ContextFilter {
  const allowed = new Set(keys);
  return (context) => Object.fromEntries(Object.entries(context).filter(([key]) => allowed.has(key)));
}

/** The filter of notifiers that are given none (C1): by the driver's list where it has one. */
export function defaultContextFilter(listed: readonly string[] | undefined): ContextFilter {
  return listed === undefined ? withoutSecrets : onlyContextKeys(listed);
}

function clean(value: Value | undefined, path: string, above: Set<object>): Value | undefined {
  if (typeof value !== "object" || value === null) return value;
  const isArray = Array.isArray(value);
  // Bytes, dates and what may not travel at all: the driver's own check knows what to say of them.
  if (!isArray && !isPlainObject(value)) return value;
  if (above.has(value)) throw new SerializationError(`${path} holds an object that it is part of`, { path });
  above.add(value);
  const cleaned = isArray ? cleanItems(value, path, above) : cleanMembers(value as JsonObject, path, above); // plain, as just checked
  above.delete(value);
  return cleaned;
}

function cleanItems(items: readonly Value[], path: string, above: Set<object>): readonly Value[] {
  // No item is left out, so none becomes undefined that was not.
  const kept = items.map((item, index) => clean(item, `${path}[${index}]`, above) as Value);
  return kept.every((item, index) => item === items[index]) ? items : kept;
}

function cleanMembers(members: JsonObject, path: string, above: Set<object>): JsonObject {
  let isChanged = false;
  const kept: [string, Value | undefined][] = [];
  for (const [key, member] of Object.entries(members)) {
    if (looksSecret(key)) {
      isChanged = true;
      continue;
    }
    const cleaned = clean(member, `${path}.${key}`, above);
    if (cleaned !== member) isChanged = true;
    kept.push([key, cleaned]);
  }
  return isChanged ? Object.fromEntries(kept) : members;
}
