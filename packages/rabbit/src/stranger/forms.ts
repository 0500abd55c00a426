import { encodeValue } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import { wrap } from "../wire/envelope.js";
import { PACKED_TYPE } from "../wire/packed/packed-message.js";

/** What is no message of a wire. */
export interface Noise {
  readonly what: string;
  readonly body: Buffer;
  /** In the place of an honest message's. */
  readonly properties?: Options.Publish;
}

/** From the body of an honest request, what no honest peer makes of it. */
export interface Forms {
  noise(body: Buffer): readonly Noise[];
  extended(body: Buffer): Buffer;
  "unknown-version"(body: Buffer): Buffer;
  nameless(body: Buffer): Buffer;
}

const LATER_VERSION = 9;
/** MessagePack: the head of an array of up to fifteen, nil, a string of so many bytes, a string of no bytes. */
const FIXARRAY = 0x90;
const NIL = 0xc0;
const STRING_8 = 0xd9;
const EMPTY_STRING = 0xa0;
/** Of a packed request: the head, the version, two times. */
const ID_AT = 2 + 2 * 9;

/** Of `rabbit://`. */
export const packedForms: Forms = {
  noise: (body) => [
    ...common(body),
    { what: "an array of 4 GiB", body: Buffer.from("ddffffffff01", "hex") },
    { what: "a text of 4 GiB", body: Buffer.concat([body.subarray(0, ID_AT), Buffer.from("dbffffffff", "hex")]) },
    { what: "nesting without end", body: Buffer.concat([body.subarray(0, ID_AT), Buffer.alloc(100_000, 0x91)]) },
    { what: "JSON of the type of MessagePack", body: Buffer.from("{}"), properties: { contentType: PACKED_TYPE } },
  ],
  extended(body) {
    const longer = Buffer.concat([body, encodeValue({ later: true }), Buffer.of(NIL)]);
    longer[0] = FIXARRAY | (((body[0] ?? 0) & 0x0f) + 2);
    return longer;
  },
  "unknown-version"(body) {
    const other = Buffer.from(body);
    other[1] = LATER_VERSION;
    return other;
  },
  nameless(body) {
    const head = body[ID_AT] ?? 0;
    const idBytes = head === STRING_8 ? 2 + (body[ID_AT + 1] ?? 0) : 1 + (head & 0x1f);
    return Buffer.concat([body.subarray(0, ID_AT), Buffer.of(EMPTY_STRING), body.subarray(ID_AT + idBytes)]);
  },
};

/** Of `rabbit+oslo://`. */
export const osloForms: Forms = {
  noise: (body) => [
    ...common(body),
    { what: "nesting without end", body: Buffer.from("[".repeat(100_000)) },
    { what: "an envelope around a number", body: wrap("7") },
    { what: "an envelope around half of a message", body: wrap('{"method": "note", "args": {') },
    { what: "a text that is not UTF-8", body: Buffer.from([0x22, 0xff, 0xfe, 0x22]) },
  ],
  extended: (body) => wrap(JSON.stringify({ ...inner(body), _later: { a: 1 }, later: [true] })),
  "unknown-version": (body) => Buffer.from(body.toString().replace('"2.0"', `"${LATER_VERSION}.0"`)),
  nameless(body) {
    const { _unique_id: _, ...rest } = inner(body);
    return wrap(JSON.stringify(rest));
  },
};

function common(body: Buffer): readonly Noise[] {
  return [
    { what: "nothing", body: Buffer.alloc(0) },
    { what: "bytes of noise", body: Buffer.alloc(500, 0xfe) },
    { what: "half of a message", body: body.subarray(0, Math.floor(body.length / 2)) },
    { what: "two messages in one", body: Buffer.concat([body, body]) },
    { what: "a message of an unknown type", body, properties: { contentType: "text/html" } },
    { what: "noise that is called compressed", body: Buffer.alloc(500, 0xfe), properties: COMPRESSED },
  ];
}

const COMPRESSED: Options.Publish = { contentEncoding: "deflate", headers: { compression: "zlib" } };

function inner(body: Buffer): Record<string, unknown> {
  // Written by the wire's own encoder: an envelope around a text of JSON.
  const envelope = JSON.parse(body.toString()) as { "oslo.message": string };
  return JSON.parse(envelope["oslo.message"]) as Record<string, unknown>;
}
