import { type Event, MessageTooLargeError, type Request, ValueWriter } from "@trunkline/core/driver";
import { bodyFlags, writeEventBody, writeRequestBody } from "../wire/bodies.js";
import type { EncodedBody } from "./spread.js";

const FIRST_BYTES = 4 * 1024;
/** A buffer that one large message made is that message's, and not kept for the next. */
const KEPT_BYTES = 256 * 1024;
/** The writer asks for so much more than it needs at most. */
const ESTIMATE_BYTES = 16;
/** A large string or byte array has an eighth of its size behind it, for what comes after it. */
const SPARE_SHIFT = 3;

/** Encodes messages that cannot be written to a link at once, or go to several. */
export class BodyEncoder {
  readonly #maxMessageBytes: number;
  readonly #writer: ValueWriter;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#writer = new ValueWriter({ driver: "zmq", onFull: (writer, needed) => this.#grow(writer, needed) });
  }

  /** @throws SerializationError, NotSupportedError, MessageTooLargeError. */
  encode(message: Request | Event): EncodedBody {
    const writer = this.#writer;
    writer.position = 0;
    const flags = bodyFlags(message);
    if (message.kind === "request") writeRequestBody(writer, message, flags);
    else writeEventBody(writer, message, flags);
    if (writer.position > this.#maxMessageBytes) throw this.#tooLarge();
    const bytes = writer.bytes.subarray(0, writer.position);
    if (writer.bytes.length <= KEPT_BYTES) return { bytes: new Uint8Array(bytes), flags };
    writer.bytes = Buffer.alloc(0);
    return { bytes, flags };
  }

  #grow(writer: ValueWriter, needed: number): void {
    const wanted = writer.position + needed;
    // What is needed is an estimate; whether the whole is too large is known at its end.
    if (wanted > this.#maxMessageBytes + ESTIMATE_BYTES) throw this.#tooLarge();
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, writer.position * 2, wanted + (wanted >>> SPARE_SHIFT)));
    writer.bytes.copy(grown, 0, 0, writer.position);
    writer.bytes = grown;
  }

  #tooLarge(): MessageTooLargeError {
    return new MessageTooLargeError(
      `a message is larger than ${this.#maxMessageBytes} bytes when encoded; send less, or raise maxMessageBytes on both sides`,
      this.#maxMessageBytes,
    );
  }
}
