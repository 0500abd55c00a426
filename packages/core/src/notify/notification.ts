/** What travels between notifiers and listeners, as applications see it. */
import { InvalidArgumentError } from "../errors.js";
import type { Priority } from "../seam.js";
import { checkName } from "../target.js";
import type { JsonObject, Value } from "../value.js";

/** One event, as sinks and endpoints see it (C1). */
export interface NotificationEvent {
  /** Who says it, such as `compute.host1`. */
  readonly publisherId: string;
  /** What happened, such as `instance.create.end`. */
  readonly eventType: string;
  readonly priority: Priority;
  /** Any value of D2, or what the serializer made of it. */
  readonly payload: Value;
  /** The publisher's context, without what its filter kept at home. */
  readonly context: JsonObject;
  /** Unique in the world, and the same on each topic that the event went to. */
  readonly messageId: string;
  /** When it was emitted: UTC, ISO 8601 with milliseconds and `Z`, by the publisher's clock. */
  readonly timestamp: string;
}

/**
 * Returns a publisher id or event type that the wire can carry: names by the rule of A5.
 * @throws InvalidArgumentError
 */
export function checkLabel(role: string, label: unknown): string {
  try {
    return checkName(role, label);
  } catch (cause) {
    throw new InvalidArgumentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
