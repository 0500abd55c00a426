import type { Clock } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Route } from "../topology/declarations.js";
import { COMPRESSION, COMPRESSION_HEADER, compressBody } from "./compression.js";
import { expirationOf } from "./deadline.js";
import { CONTENT_ENCODING, CONTENT_TYPE } from "./envelope.js";
import { encodeHeaders, SENT_AT, TIMEOUT } from "./headers.js";
import type { Message } from "./wire.js";

/** What a sender of messages has from its transport. */
export interface OsloMessageTerms {
  readonly clock: Clock;
  readonly compresses: boolean;
}

/** What goes beside the body; times are worked out as it is written. */
export interface OsloMessageFields {
  readonly id: string;
  readonly application?: Readonly<Record<string, string>>;
  readonly monitorMs?: number | undefined;
  /** A call's deadline on the clock's `now()`. */
  readonly until?: number | undefined;
}

/** A message of oslo's wire: its body, and what its own services tell each other in headers. */
export class OsloMessage implements Message {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #clock: Clock;
  readonly #until: number | undefined;
  readonly #headers: Readonly<Record<string, Field>>;

  /** @throws SerializationError for headers that do not travel. */
  constructor(route: Route, body: Buffer, fields: OsloMessageFields, { clock, compresses }: OsloMessageTerms) {
    const { id, application = NONE, monitorMs, until } = fields;
    this.route = route;
    this.id = id;
    this.body = compresses ? compressBody(body) : body;
    this.#clock = clock;
    this.#until = until;
    const written = Object.entries(encodeHeaders(application, { monitorMs }));
    const own = Object.fromEntries(written.map(([name, value]) => [name, fieldOf(value)]));
    this.#headers = compresses ? { ...own, [COMPRESSION_HEADER]: COMPRESSION } : own;
  }

  /** A call goes with what is left of its deadline, for its server and for the broker (B6). */
  properties(): Options.Publish {
    const properties: Options.Publish = {
      contentType: CONTENT_TYPE,
      contentEncoding: CONTENT_ENCODING,
      priority: 0,
      messageId: this.id,
      headers: this.#headers,
    };
    if (this.#until === undefined) return properties;
    const leftMs = Math.max(0, Math.floor(this.#until - this.#clock.now()));
    const sentAt = Math.floor(this.#clock.wallNow());
    properties.headers = { ...this.#headers, [SENT_AT]: fieldOf(sentAt), [TIMEOUT]: fieldOf(leftMs) };
    properties.expiration = expirationOf(leftMs);
    return properties;
  }
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** A value of a table of headers, as amqplib takes it. */
type Field = string | number | { readonly "!": "long"; readonly value: number };

/** Python's library takes the mark of a 16-bit integer for that of a string, and loses its place in the frame: all go as 64 bits. */
export function fieldOf(value: string | number): Field {
  return typeof value === "number" && Number.isInteger(value) ? { "!": "long", value } : value;
}
