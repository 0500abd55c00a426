import type { Clock } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Route } from "../topology/declarations.js";
import { COMPRESSION, COMPRESSION_HEADER, compressBody } from "../wire/compression.js";
import { CONTENT_ENCODING, CONTENT_TYPE } from "../wire/envelope.js";
import { encodeHeaders, SENT_AT, TIMEOUT } from "../wire/headers.js";

/** What a sender of messages has from its transport. */
export interface OutgoingTerms {
  readonly clock: Clock;
  readonly compresses: boolean;
}

/** What goes into the headers of one message; times are worked out as it is written. */
export interface OutgoingHeaders {
  readonly id: string;
  readonly application: Readonly<Record<string, string>>;
  readonly monitorMs?: number | undefined;
  readonly attempt?: number | undefined;
  /** A call's deadline on the clock's `now()`. */
  readonly until?: number | undefined;
}

/** A message as it is published: body, headers and properties, encoded when it was made (D2). */
export class Outgoing {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #clock: Clock;
  readonly #until: number | undefined;
  readonly #headers: Readonly<Record<string, Field>>;

  /** @throws SerializationError for headers that do not travel. */
  constructor(route: Route, body: Buffer, headers: OutgoingHeaders, { clock, compresses }: OutgoingTerms) {
    const { id, application, monitorMs, attempt, until } = headers;
    this.route = route;
    this.id = id;
    this.body = compresses ? compressBody(body) : body;
    this.#clock = clock;
    this.#until = until;
    const written = Object.entries(encodeHeaders(application, { id, monitorMs, attempt }));
    const own = Object.fromEntries(written.map(([name, value]) => [name, fieldOf(value)]));
    this.#headers = compresses ? { ...own, [COMPRESSION_HEADER]: COMPRESSION } : own;
  }

  /** A call goes with what is left of its deadline, for its server and for the broker (B6). Fresh each time: the caller's to complete. */
  properties(): Options.Publish {
    const properties: Options.Publish = {
      contentType: CONTENT_TYPE,
      contentEncoding: CONTENT_ENCODING,
      priority: 0,
      headers: { ...this.#headers, [SENT_AT]: fieldOf(Math.floor(this.#clock.wallNow())) },
    };
    if (this.#until === undefined) return properties;
    const leftMs = Math.max(0, Math.floor(this.#until - this.#clock.now()));
    properties.headers[TIMEOUT] = fieldOf(leftMs);
    properties.expiration = leftMs;
    return properties;
  }
}

/** A value of a table of headers, as amqplib takes it. */
type Field = string | number | { readonly "!": "long"; readonly value: number };

/** Python's library takes the mark of a 16-bit integer for that of a string, and loses its place in the frame: all go as 64 bits. */
function fieldOf(value: string | number): Field {
  return typeof value === "number" && Number.isInteger(value) ? { "!": "long", value } : value;
}
