/** Events: the inner message of oslo.messaging's notifications. */
import { checkValue, type Event, PRIORITIES, type Priority, type Value } from "@trunkline/core/driver";
import { type BodyLimits, encodeBody, payloadLimits } from "./body.js";
import { contextMembers, readContext } from "./context.js";
import { type InnerMessage, optionalText, requiredText } from "./inner-message.js";
import { malformed, quoted } from "./malformed.js";
import { fromOsloTimestamp, toOsloTimestamp } from "./timestamps.js";

/** What an event carries beside itself. */
export interface EventFields {
  /** By which a listener knows one that comes again (B10): fresh for each topic, unlike the message id. */
  readonly uniqueId: string;
  /** False writes what oslo's older `messaging` notifier does: the inner message is the body. @default true */
  readonly hasEnvelope?: boolean | undefined;
}

/** An event as a peer sent it; its headers are the message's. */
export interface ParsedEvent {
  readonly event: Omit<Event, "headers">;
  readonly uniqueId?: string;
}

/**
 * The body of an event, its members in oslo's order.
 * @throws SerializationError (D2; also for a context with a reserved name), NotSupportedError (bytes, bigint, Date), MessageTooLargeError.
 */
export function encodeEvent(event: Event, fields: EventFields, limits: BodyLimits): Buffer {
  checkValue(event.payload, "payload", payloadLimits(limits));
  checkValue(event.context, "context", payloadLimits(limits));
  const inner = {
    message_id: event.id,
    publisher_id: event.publisherId,
    event_type: event.eventType,
    priority: event.priority.toUpperCase(),
    payload: event.payload ?? null,
    timestamp: toOsloTimestamp(event.timestamp),
    _unique_id: fields.uniqueId,
    ...contextMembers(event.context),
  };
  return encodeBody(inner, limits, fields.hasEnvelope ?? true);
}

/**
 * The event of an inner message.
 *
 * oslo's dispatcher asks for nothing but a priority that it knows. A publisher or event type that is missing or null, which a
 * notifier without a publisher sends, is therefore the empty text here, and a missing payload is null. An id and a time are
 * made up by nobody: without them an event could neither be told from a repeated one nor be dated.
 * @throws MalformedError for an unknown priority, no message id, no readable timestamp, and members of the wrong kind.
 */
export function readEvent(inner: InnerMessage): ParsedEvent {
  const uniqueId = optionalText(inner, "_unique_id") || undefined;
  return {
    event: {
      kind: "event",
      id: requiredText(inner, "message_id"),
      publisherId: optionalText(inner, "publisher_id") ?? "",
      eventType: optionalText(inner, "event_type") ?? "",
      priority: readPriority(inner["priority"]),
      // What was read from JSON is made of values only.
      payload: (inner["payload"] ?? null) as Value,
      timestamp: fromOsloTimestamp(inner["timestamp"]),
      context: readContext(inner),
    },
    ...(uniqueId === undefined ? {} : { uniqueId }),
  };
}

function readPriority(written: unknown): Priority {
  const lower = typeof written === "string" ? written.toLowerCase() : undefined;
  const priority = PRIORITIES.find((known) => known === lower);
  if (priority === undefined) throw malformed(`"priority" must be one of oslo's, got ${quoted(written)}`);
  return priority;
}
