import type { Clock } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Route } from "../../topology/declarations.js";
import { compressBody } from "../compression.js";
import { expirationOf } from "../deadline.js";
import type { Message } from "../wire.js";
import { stampRequest } from "./request.js";

/** The AMQP `content_type` of each message of `rabbit://`. */
export const PACKED_TYPE = "application/vnd.trunkline+msgpack";
/** The AMQP `content_encoding` of a compressed one. */
export const DEFLATE = "deflate";

/** What a message is beside its route and its bytes. */
export interface PackedFields {
  readonly id: string;
  /** AMQP headers. */
  readonly headers?: Readonly<Record<string, string | number>> | undefined;
  /** A request: its times are put into the body as it is written. */
  readonly isRequest?: boolean;
  /** A call's deadline, on the clock's `now()`. */
  readonly until?: number | undefined;
}

/** A message of `rabbit://`: everything is in the body, but for what others than this SDK may read. */
export class PackedMessage implements Message {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #fields: PackedFields;
  readonly #clock: Clock;
  readonly #isCompressed: boolean;

  constructor(route: Route, body: Buffer, fields: PackedFields, clock: Clock, compresses: boolean) {
    this.route = route;
    this.id = fields.id;
    this.body = compresses ? compressBody(body) : body;
    this.#fields = fields;
    this.#clock = clock;
    this.#isCompressed = compresses;
  }

  /** A call goes with what is left of its deadline, for its server and for the broker (B6). */
  properties(): Options.Publish {
    const properties: Options.Publish = { contentType: PACKED_TYPE, messageId: this.id };
    const { headers, isRequest, until } = this.#fields;
    if (this.#isCompressed) properties.contentEncoding = DEFLATE;
    if (headers !== undefined) properties.headers = headers;
    const leftMs = until === undefined ? 0 : Math.max(0, Math.floor(until - this.#clock.now()));
    if (until !== undefined) properties.expiration = expirationOf(leftMs);
    // What is compressed keeps the times at which it was made.
    if (isRequest === true && !this.#isCompressed) {
      stampRequest(this.body, { sentAtMs: this.#clock.wallNow(), timeoutMs: leftMs });
    }
    return properties;
  }
}
