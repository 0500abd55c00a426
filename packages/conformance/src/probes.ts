import type {
  BatchNotificationHandler,
  JsonObject,
  NotificationEvent,
  NotificationHandler,
  Priority,
  ServerCall,
} from "@trunkline/core";
import type { History } from "./history.js";

/** Runs in a probe's handler, after the handling was recorded. */
export type Hook = (id: string) => void | Promise<void>;

/** A server's endpoint that records every message it handles under its own name. */
export interface RpcProbe {
  /** For casts and fanouts. */
  note(params: JsonObject, call: ServerCall): Promise<void>;
  /** For calls: returns `{ by, params }`. */
  echo(params: JsonObject, call: ServerCall): Promise<JsonObject>;
}

/** `hook` runs in each handler, after the handling was recorded. */
export function rpcProbe(history: History, consumer: string, hook?: Hook): RpcProbe {
  const handle = async (params: JsonObject): Promise<void> => {
    const id = String(params["id"]);
    history.handled(id, consumer);
    await hook?.(id);
  };
  return {
    note: handle,
    async echo(params) {
      await handle(params);
      return { by: consumer, params };
    },
  };
}

/**
 * A listener's endpoint that records every event it sees under its own name, with its attempt. The event's id is
 * `payload.id`. What `hook` returns is the verdict.
 */
export function eventProbe(
  history: History,
  consumer: string,
  priorities: readonly Priority[] = ["info"],
  hook?: NotificationHandler,
): { readonly [P in Priority]?: NotificationHandler } {
  const handle: NotificationHandler = (event, call) => {
    history.handled(eventId(event), consumer, call.attempt);
    return hook?.(event, call);
  };
  return Object.fromEntries(priorities.map((priority) => [priority, handle]));
}

/** A batch listener's endpoint: records every event of each batch, and keeps the batches. */
export function batchProbe(
  history: History,
  consumer: string,
  batches: (readonly NotificationEvent[])[],
  priorities: readonly Priority[] = ["info"],
): { readonly [P in Priority]?: BatchNotificationHandler } {
  const handle: BatchNotificationHandler = (events, call) => {
    batches.push(events);
    for (const event of events) history.handled(eventId(event), consumer, call.attempt);
  };
  return Object.fromEntries(priorities.map((priority) => [priority, handle]));
}

/** The case's own id of an event: `payload.id`. */
export function eventId(event: NotificationEvent): string {
  const payload = event.payload;
  if (typeof payload === "object" && payload !== null && "id" in payload) return String(payload["id"]);
  return `an event without id (${event.eventType})`;
}
