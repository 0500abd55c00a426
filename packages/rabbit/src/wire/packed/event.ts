/** Events of `rabbit://`: an array of ten. */
import { type Event, MalformedError, PRIORITIES, type ValueReader, type ValueWriter } from "@trunkline/core/driver";
import { endMembers, readHeaders, readId, readMembers, readObject, readText, writeFixedArray } from "./fields.js";

const MEMBERS = 10;

/** @param uniqueId differs for each topic, unlike the event's own. @param headers those that travel in the body. */
export function writeEvent(
  writer: ValueWriter,
  event: Event,
  uniqueId: string,
  headers: Readonly<Record<string, string>>,
): void {
  writeFixedArray(writer, MEMBERS);
  writer.value(uniqueId);
  writer.value(event.id);
  writer.value(event.publisherId);
  writer.value(event.eventType);
  writer.value(event.priority);
  writer.value(event.timestamp);
  writer.value(event.payload, "payload");
  writer.value(event.context, "context");
  writer.value(headers, "headers");
}

/** @throws MalformedError for a member of the wrong kind, an unknown priority, and an event that cannot be told from another. */
export function readEvent(body: Buffer): { readonly event: Event; readonly id: string } {
  const members = readMembers(body, MEMBERS - 1);
  const { reader } = members;
  const uniqueId = readId(reader, "unique id");
  const id = readText(reader, "id");
  const publisherId = readText(reader, "publisher");
  const eventType = readText(reader, "event type");
  const priority = readPriority(reader);
  const timestamp = readTimestamp(reader);
  const payload = reader.value();
  const context = readObject(reader, "context");
  const headers = readHeaders(reader);
  endMembers(members, MEMBERS - 1);
  if (id === "" || uniqueId === "") throw new MalformedError("an event without an id", 0);
  const event: Event = {
    kind: "event",
    id,
    publisherId,
    eventType,
    priority,
    payload,
    timestamp,
    context,
    headers,
  };
  return { event, id: uniqueId };
}

function readPriority(reader: ValueReader): Event["priority"] {
  const text = readText(reader, "priority");
  const priority = PRIORITIES.find((known) => known === text);
  if (priority === undefined) throw new MalformedError("an unknown priority", reader.position);
  return priority;
}

function readTimestamp(reader: ValueReader): string {
  const text = readText(reader, "timestamp");
  if (Number.isNaN(Date.parse(text))) throw new MalformedError("a timestamp that is no time", reader.position);
  return text;
}
