import {
  type Event,
  type Failure,
  type JsonObject,
  MessageTooLargeError,
  type Outcome,
  PRIORITIES,
  type Priority,
  type Request,
  type Value,
  ValueReader,
  ValueWriter,
} from "@trunkline/core/driver";

const REQUEST = 1;
const EVENT = 2;
const HAS_NAMESPACE = 1;
const HAS_VERSION = 2;
/** A scratch buffer that grew beyond this for one large message is let go again. */
const KEPT_SCRATCH_BYTES = 64 * 1024;

/**
 * Messages and outcomes to bytes. One for each transport; what it returns is the caller's own.
 *
 * Every method throws SerializationError naming the path for what is outside D2, and MessageTooLargeError (D4).
 */
export class Encoder {
  readonly #maxBytes: number;
  readonly #writer: ValueWriter;

  constructor(maxBytes: number, driver: string) {
    this.#maxBytes = maxBytes;
    this.#writer = new ValueWriter({
      binary: true,
      bigint: true,
      date: true,
      driver,
      onFull: (writer, needed) => {
        // A writer may ask for up to three bytes a character, so that only a wish beyond that is certainly too much.
        if (writer.position > maxBytes || needed > 3 * maxBytes + 64) throw this.#tooLarge();
        const grown = Buffer.allocUnsafe(Math.max(1_024, writer.bytes.length * 2, writer.position + needed));
        writer.bytes.copy(grown, 0, 0, writer.position);
        writer.bytes = grown;
      },
    });
  }

  message(message: Request | Event): Buffer {
    return this.#record((writer) => {
      if (message.kind === "request") {
        const { namespace, version } = message;
        writer.u8(REQUEST);
        writer.text(message.id);
        writer.text(message.method);
        writer.u8((namespace === undefined ? 0 : HAS_NAMESPACE) | (version === undefined ? 0 : HAS_VERSION));
        if (namespace !== undefined) writer.text(namespace);
        if (version !== undefined) writer.text(version);
        writer.value(message.context, "context");
        writer.value(message.headers, "headers");
        writer.value(message.params, "params");
      } else {
        writer.u8(EVENT);
        writer.text(message.id);
        writer.text(message.publisherId);
        writer.text(message.eventType);
        writer.u8(PRIORITIES.indexOf(message.priority));
        writer.text(message.timestamp);
        writer.value(message.context, "context");
        writer.value(message.headers, "headers");
        writer.value(message.payload, "payload");
      }
    });
  }

  outcome(outcome: Outcome): Buffer {
    return this.#record((writer) => {
      writer.u8(outcome.ok ? 1 : 0);
      if (outcome.ok) writer.value(outcome.value, "result");
      else writer.value(outcome.failure, "failure");
    });
  }

  #record(write: (writer: ValueWriter) => void): Buffer {
    const writer = this.#writer;
    writer.position = 0;
    try {
      write(writer);
      if (writer.position > this.#maxBytes) throw this.#tooLarge();
      return Buffer.from(writer.bytes.subarray(0, writer.position));
    } finally {
      if (writer.bytes.length > KEPT_SCRATCH_BYTES) writer.bytes = Buffer.alloc(0);
    }
  }

  #tooLarge(): MessageTooLargeError {
    const limit = this.#maxBytes;
    return new MessageTooLargeError(
      `the encoded message is over ${limit} bytes; send less, or raise maxMessageBytes in the URL`,
      limit,
    );
  }
}

/** @throws MalformedError */
export function decodeMessage(body: Buffer): Request | Event {
  const reader = new ValueReader();
  reader.reset(body);
  if (reader.u8() === REQUEST) {
    const id = reader.text();
    const method = reader.text();
    const flags = reader.u8();
    const namespace = (flags & HAS_NAMESPACE) === 0 ? undefined : reader.text();
    const version = (flags & HAS_VERSION) === 0 ? undefined : reader.text();
    const [context, headers, params] = readParts(reader);
    // The encoder wrote an object there: params are one by the seam's types.
    return { kind: "request", id, method, namespace, version, context, headers, params: params as JsonObject };
  }
  const id = reader.text();
  const publisherId = reader.text();
  const eventType = reader.text();
  const priority: Priority = PRIORITIES[reader.u8()] ?? "info";
  const timestamp = reader.text();
  const [context, headers, payload] = readParts(reader);
  return { kind: "event", id, publisherId, eventType, priority, timestamp, context, headers, payload };
}

/** @throws MalformedError */
export function decodeOutcome(bytes: Buffer): Outcome {
  const reader = new ValueReader();
  reader.reset(bytes);
  if (reader.u8() === 1) return { ok: true, value: reader.value() };
  // The encoder wrote a Failure there, whose members are all values.
  return { ok: false, failure: reader.value() as unknown as Failure };
}

function readParts(reader: ValueReader): [JsonObject, Readonly<Record<string, string>>, Value] {
  // The encoder wrote an object, and a record of strings: the seam's types of context and headers.
  const context = reader.value() as JsonObject;
  const headers = reader.value() as Readonly<Record<string, string>>;
  return [context, headers, reader.value()];
}
