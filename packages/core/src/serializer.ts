import { InvalidArgumentError } from "./errors.js";
import type { JsonObject, Value } from "./value.js";

/**
 * What stands between an application's values and those that travel (D2): for objects of its own, encryption, old formats.
 *
 * All four are synchronous, so that later changes to a value do not travel. On the receiving side the context comes first
 * and is given to `deserializeValue`. What one throws rejects the sender with SerializationError, or is reported by the receiver.
 */
export interface Serializer {
  /** Called with the whole params, result or payload, and the context as the application gave it. */
  serializeValue(value: unknown, context: JsonObject): Value;
  /** Called with what came from the wire (never trusted: F1) and the deserialised context. */
  deserializeValue(value: Value, context: JsonObject): unknown;
  serializeContext(context: JsonObject): JsonObject;
  deserializeContext(context: JsonObject): JsonObject;
}

/** The default: values travel as they are. */
export const identitySerializer: Serializer = {
  // The driver's walk checks every value before it travels; here nothing is known of it.
  serializeValue: (value) => value as Value,
  deserializeValue: (value) => value,
  serializeContext: (context) => context,
  deserializeContext: (context) => context,
};

const METHODS = ["serializeValue", "deserializeValue", "serializeContext", "deserializeContext"] as const;

/**
 * Returns the serializer if it has all four methods.
 * @throws InvalidArgumentError naming those that are missing.
 */
export function checkSerializer(serializer: Serializer): Serializer {
  const missing = METHODS.filter((method) => typeof serializer?.[method] !== "function");
  if (missing.length === 0) return serializer;
  throw new InvalidArgumentError(
    `a serializer needs the methods ${METHODS.join(", ")}; missing: ${missing.join(", ")}`,
  );
}
