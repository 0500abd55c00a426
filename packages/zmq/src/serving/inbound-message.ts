/** The messages that arrive over an accepted link, and the routes they came by, as core sees them. */
import type { Address, Event, JsonObject, Priority, Request, Route, Value } from "@trunkline/core/driver";
import type { AcceptedLink } from "../link/accepted-link.js";
import type { RequestNames } from "../wire/names.js";
import type { Served } from "./served.js";

/** A route as the listener of a link keeps it: where its messages go, and what core worked out for them. */
export class InboundRoute implements Route {
  resolved?: unknown;
  /** Undefined: no listener of that number; messages by this route go back. */
  readonly served: Served | undefined;
  readonly names: RequestNames;
  readonly to: Address;

  constructor(served: Served | undefined, names: RequestNames, to: Address) {
    this.resolved = undefined;
    this.served = served;
    this.names = names;
    this.to = to;
  }
}

export class InboundRequest implements Request {
  readonly kind = "request" as const;
  readonly method: string;
  readonly namespace: string | undefined;
  readonly version: string | undefined;
  readonly params: JsonObject;
  readonly context: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly #link: AcceptedLink;
  readonly #sequence: number;

  constructor(
    link: AcceptedLink,
    sequence: number,
    names: RequestNames,
    params: JsonObject,
    context: JsonObject,
    headers: Readonly<Record<string, string>>,
  ) {
    this.method = names.method;
    this.namespace = names.namespace;
    this.version = names.version;
    this.params = params;
    this.context = context;
    this.headers = headers;
    this.#link = link;
    this.#sequence = sequence;
  }

  /** The session and the number of the record in it: no id travels. */
  get id(): string {
    return `${this.#link.sessionName}-${this.#sequence}`;
  }
}

export class InboundEvent implements Event {
  readonly kind = "event" as const;
  readonly id: string;
  readonly publisherId: string;
  readonly eventType: string;
  readonly priority: Priority;
  readonly timestamp: string;
  readonly payload: Value;
  readonly context: JsonObject;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    names: {
      readonly id: string;
      readonly publisherId: string;
      readonly eventType: string;
      readonly timestamp: string;
    },
    priority: Priority,
    payload: Value,
    context: JsonObject,
    headers: Readonly<Record<string, string>>,
  ) {
    this.id = names.id;
    this.publisherId = names.publisherId;
    this.eventType = names.eventType;
    this.priority = priority;
    this.timestamp = names.timestamp;
    this.payload = payload;
    this.context = context;
    this.headers = headers;
  }
}
