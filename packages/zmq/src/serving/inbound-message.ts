/** The messages that arrive over an accepted link, and the routes they came by, as core sees them. */
import {
  type Address,
  type Event,
  type JsonObject,
  type Priority,
  type Request,
  type Route,
  type Value,
  ValueReader,
} from "@trunkline/core/driver";
import { readContext, readHeaders } from "../wire/bodies.js";
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

/** The session that a message came in. */
export interface InboundSession {
  /** As text, for ids. */
  readonly sessionName: string;
}

export class InboundRequest implements Request {
  readonly kind = "request" as const;
  readonly method: string;
  readonly namespace: string | undefined;
  readonly version: string | undefined;
  readonly params: JsonObject;
  readonly context: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly #link: InboundSession;
  readonly #sequence: number;

  constructor(
    link: InboundSession,
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

  constructor(reader: ValueReader, flags: number, priority: Priority) {
    this.id = reader.text();
    this.publisherId = reader.text();
    this.eventType = reader.text();
    this.timestamp = reader.text();
    this.payload = reader.value();
    this.context = readContext(reader, flags);
    this.headers = readHeaders(reader, flags);
    this.priority = priority;
  }
}

/** An event as it arrived: handlers may change what they are given, and who gets it again gets what was sent (C4). */
export interface EventBody {
  readonly bytes: Uint8Array;
  readonly flags: number;
}

/** @throws MalformedError. */
export function readEvent(reader: ValueReader, flags: number, priority: Priority): InboundEvent {
  return new InboundEvent(reader, flags, priority);
}

/** The event of a body that was read before. */
export function eventOf(body: EventBody, priority: Priority): InboundEvent {
  const reader = new ValueReader();
  reader.reset(body.bytes);
  return readEvent(reader, body.flags, priority);
}
