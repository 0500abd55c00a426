import {
  type Address,
  decodeValue,
  type Event,
  encodeValue,
  type JsonObject,
  MessageTooLargeError,
  type Outcome,
  PRIORITIES,
  type Request,
  type Value,
} from "@trunkline/core/driver";

/** A message as it lies in a list. */
export interface Envelope {
  readonly message: Request | Event;
  readonly server: string | undefined;
  readonly isFanout: boolean;
  /** The list for the reply; absent for casts and events. */
  readonly replyTo: string | undefined;
  /** A call's deadline, in ms of Redis's clock. */
  readonly until: number | undefined;
  readonly from: string;
}

/** What comes back for one call: how it ended, or that nobody will answer. */
export type Reply = { readonly id: string } & (
  | { readonly outcome: Outcome }
  | { readonly lost: string; readonly mayHaveRun: boolean }
);

/** Encodes values, and holds each to the bound of the manifest (D4). */
export class Packer {
  readonly #driver: string;
  readonly #maxBytes: number;

  constructor(driver: string, maxBytes: number) {
    this.#driver = driver;
    this.#maxBytes = maxBytes;
  }

  /** @throws SerializationError, MessageTooLargeError */
  value(value: Value, root: string): Uint8Array {
    const bytes = encodeValue(value, { root, driver: this.#driver });
    if (bytes.length <= this.#maxBytes) return bytes;
    throw new MessageTooLargeError(
      `the ${root} have ${bytes.length} bytes, and a message at most ${this.#maxBytes}`,
      this.#maxBytes,
    );
  }

  /** Takes all that it needs now: what the application changes later does not travel (D2). */
  envelope(to: Address, message: Request | Event, more: Pick<Envelope, "from" | "replyTo" | "until">): Buffer {
    const { context, ...rest } = message;
    const [body, plain]: [Uint8Array, JsonObject] =
      message.kind === "request"
        ? [this.value(message.params, "params"), { ...rest, params: undefined }]
        : [this.value(message.payload, "payload"), { ...rest, payload: undefined }];
    const packed: JsonObject = {
      ...plain,
      id: message.id, // a getter on some
      headers: { ...message.headers },
      body,
      context: this.value(context, "context"),
      server: to.server,
      fanout: to.fanout,
      ...more,
    };
    return Buffer.from(encodeValue(packed, { root: "message", driver: this.#driver }));
  }

  /** @throws SerializationError, MessageTooLargeError where the outcome cannot travel. */
  reply(id: string, outcome: Outcome): Buffer {
    const body = this.value(outcome.ok ? outcome : { ok: false, failure: { ...outcome.failure } }, "result");
    return Buffer.from(encodeValue({ id, body }, { root: "reply", driver: this.#driver }));
  }

  lost(id: string, lost: string, mayHaveRun: boolean): Buffer {
    return Buffer.from(encodeValue({ id, lost, mayHaveRun }, { root: "reply", driver: this.#driver }));
  }
}

/** @throws where `bytes` are no message: whoever can write to Redis can write anything (F1). */
export function openEnvelope(bytes: Uint8Array): Envelope {
  const packed = object(decodeValue(bytes));
  const carried = {
    id: text(packed["id"]),
    context: object(decodeValue(binary(packed["context"]))),
    headers: texts(packed["headers"]),
  };
  const body = decodeValue(binary(packed["body"]));
  const until = packed["until"];
  return {
    message: packed["kind"] === "event" ? openEvent(packed, carried, body) : openRequest(packed, carried, body),
    server: optionalText(packed["server"]),
    isFanout: packed["fanout"] === true,
    replyTo: optionalText(packed["replyTo"]),
    until: typeof until === "number" ? until : undefined,
    from: text(packed["from"]),
  };
}

type Carried = Pick<Request, "id" | "context" | "headers">;

function openRequest(packed: JsonObject, carried: Carried, body: Value): Request {
  const names = {
    method: text(packed["method"]),
    namespace: optionalText(packed["namespace"]),
    version: optionalText(packed["version"]),
  };
  return { kind: "request", ...carried, ...names, params: object(body) };
}

function openEvent(packed: JsonObject, carried: Carried, payload: Value): Event {
  const priority = PRIORITIES.find((name) => name === packed["priority"]);
  if (priority === undefined) throw new TypeError("no such priority");
  const names = {
    publisherId: text(packed["publisherId"]),
    eventType: text(packed["eventType"]),
    timestamp: text(packed["timestamp"]),
  };
  return { kind: "event", ...carried, ...names, priority, payload };
}

/** @throws as {@link openEnvelope}. */
export function openReply(bytes: Uint8Array): Reply {
  const packed = object(decodeValue(bytes));
  const id = text(packed["id"]);
  if (packed["lost"] !== undefined)
    return { id, lost: text(packed["lost"]), mayHaveRun: packed["mayHaveRun"] !== false };
  const outcome = object(decodeValue(binary(packed["body"])));
  if (outcome["ok"] === true) return { id, outcome: { ok: true, value: outcome["value"] ?? null } };
  const { type, message, module, nearest, stack, details } = object(outcome["failure"]);
  const failure = {
    type: text(type),
    message: text(message),
    ...(module === undefined ? {} : { module: text(module) }),
    ...(nearest === undefined ? {} : { nearest: text(nearest) }),
    ...(stack === undefined ? {} : { stack: text(stack) }),
    ...(details === undefined ? {} : { details }),
  };
  return { id, outcome: { ok: false, failure } };
}

function object(value: Value | undefined): JsonObject {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || value instanceof Uint8Array || value instanceof Date) throw new TypeError("an object is missing");
  return value as JsonObject; // all else that an object can be is sorted out
}

function text(value: Value | undefined): string {
  if (typeof value !== "string") throw new TypeError("a text is missing");
  return value;
}

function optionalText(value: Value | undefined): string | undefined {
  return value === undefined ? undefined : text(value);
}

function binary(value: Value | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError("bytes are missing");
  return value;
}

function texts(value: Value | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(object(value)).map(([name, item]) => [name, text(item)]));
}
