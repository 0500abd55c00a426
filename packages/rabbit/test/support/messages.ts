import type { Event, Request } from "@trunkline/core/driver";
import type { ConsumeMessage, Options } from "amqplib";
import type { Route } from "../../src/topology/declarations.js";

/** A route to a queue by its name. */
export function routeTo(key: string): Route {
  return { exchange: undefined, key, queues: [], isMandatory: true, isPersistent: true, name: `queue "${key}"` };
}

/** A message as the broker hands it over. Of its properties those of `published`, as they look after the broker. */
export function consumed(
  content: Buffer,
  published: Options.Publish = {},
  fields: Partial<ConsumeMessage["fields"]> = {},
): ConsumeMessage {
  const { expiration, ...others } = published;
  return {
    content,
    fields: { deliveryTag: 1, redelivered: false, exchange: "", routingKey: "q", consumerTag: "c", ...fields },
    properties: {
      ...NO_PROPERTIES,
      ...others,
      expiration: expiration === undefined ? undefined : String(expiration),
    } as ConsumeMessage["properties"],
  };
}

export function requestOf(more: Partial<Request> = {}): Request {
  return { kind: "request", id: "id-1", method: "echo", params: {}, context: {}, headers: {}, ...more };
}

export function eventOf(more: Partial<Event> = {}): Event {
  return {
    kind: "event",
    id: "event-1",
    publisherId: "host1",
    eventType: "disk.full",
    priority: "info",
    payload: null,
    timestamp: "2026-01-02T03:04:05.678Z",
    context: {},
    headers: {},
    ...more,
  };
}

const NO_PROPERTIES = {
  contentType: undefined,
  contentEncoding: undefined,
  headers: undefined,
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
};
