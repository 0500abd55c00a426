import type { MessagingError } from "../errors.js";

/**
 * The life of one connection, as data. Its owner assigns what {@link nextConnection} returns, then performs the effects
 * (sockets, timers), then tells the listeners.
 *
 * `attempt` counts the tries since the connection was last open, from 1: what the backoff is worked out from.
 */
export type Connection =
  | { readonly name: "connecting"; readonly attempt: number }
  | { readonly name: "waiting"; readonly attempt: number }
  | { readonly name: "open" }
  | { readonly name: "draining" }
  | { readonly name: "closed"; readonly reason: MessagingError | undefined };

/**
 * What happens to it: the socket `opened`, or was `lost` (or refused); the backoff's wait is over (`retry`); its owner asks
 * it to `drain`; it ends for good (`end`), with a reason where that was no wish of its owner.
 */
export type ConnectionEvent =
  | { readonly type: "opened" | "lost" | "retry" | "drain" }
  | { readonly type: "end"; readonly reason?: MessagingError | undefined };

/** Where each connection begins. */
export const FIRST_CONNECTION: Connection = Object.freeze({ name: "connecting", attempt: 1 });

/**
 * The state after an event; the same object where the event changes nothing, so that a late or repeated one is harmless.
 *
 * `closed` is terminal. A connection that drains and is lost is closed: nothing would be sent on a new one. One that is asked
 * to drain before it is open has nothing to drain, and is closed.
 */
export function nextConnection(connection: Connection, event: ConnectionEvent): Connection {
  switch (connection.name) {
    case "closed":
      return connection;
    case "draining":
      if (event.type === "end") return closed(event.reason);
      return event.type === "lost" ? closed(undefined) : connection;
    case "open":
      if (event.type === "end") return closed(event.reason);
      if (event.type === "drain") return { name: "draining" };
      return event.type === "lost" ? { name: "waiting", attempt: 1 } : connection;
    case "waiting":
      if (event.type === "end") return closed(event.reason);
      if (event.type === "drain") return closed(undefined);
      return event.type === "retry" ? { name: "connecting", attempt: connection.attempt } : connection;
    case "connecting":
      if (event.type === "end") return closed(event.reason);
      if (event.type === "drain") return closed(undefined);
      if (event.type === "opened") return { name: "open" };
      return event.type === "lost" ? { name: "waiting", attempt: connection.attempt + 1 } : connection;
  }
}

function closed(reason: MessagingError | undefined): Connection {
  return { name: "closed", reason };
}
