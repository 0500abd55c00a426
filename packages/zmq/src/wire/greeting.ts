/** HELLO, WELCOME and REFUSE: each alone in its frame, and readable by every version of the protocol. */
import { MalformedError, type ValueReader, type ValueWriter } from "@trunkline/core/driver";
import { HELLO, REFUSE, WELCOME } from "./record-types.js";

/** The version that this package speaks. */
export const PROTOCOL_VERSION = 1;

/** A bit of `features`: either side may announce SHAPEs, and write objects by them in CALL, CAST and REPLY. */
export const FEATURE_SHAPES = 1;
/** Beside `maxMessageBytes`, what the shapes of one record may stand for: names, context and headers are not counted there. */
export const SHAPES_SLACK_BYTES: number = 256 * 1024;

/** Bytes of a session id: enough that no two links of one listener ever share one. */
export const SESSION_BYTES = 8;

const MAGIC: Uint8Array = new TextEncoder().encode("TRKL");

/** What a dialer says first. */
export interface Hello {
  readonly lowestVersion: number;
  readonly highestVersion: number;
  /** Bits for what both sides must agree on: {@link FEATURE_SHAPES}. Those that are not known are ignored. */
  readonly features: number;
  /** The largest message that this side takes, in bytes. */
  readonly maxMessageBytes: number;
  /** New for each link: what is said on it means nothing on another. */
  readonly session: Uint8Array;
  readonly realm: string;
  /** The run of the process that is meant, or empty for whichever listens there. */
  readonly incarnation: string;
  /** Who speaks, for people and logs. */
  readonly name: string;
}

/** The answer to a HELLO that fits. `listeners` ADVERTs follow at once, before anything else. */
export interface Welcome {
  readonly version: number;
  readonly features: number;
  readonly maxMessageBytes: number;
  /** The dialer's own, given back. */
  readonly session: Uint8Array;
  readonly incarnation: string;
  readonly name: string;
  readonly listeners: number;
}

/** Why a session was refused or ended by the listener. */
export type RefuseCode = "version" | "realm" | "incarnation" | "auth" | "protocol" | "closing";

const REFUSE_CODES: readonly RefuseCode[] = ["version", "realm", "incarnation", "auth", "protocol", "closing"];

export interface Refusal {
  readonly code: RefuseCode;
  readonly text: string;
}

export function writeHello(writer: ValueWriter, hello: Hello): void {
  writer.u8(HELLO);
  writer.raw(MAGIC);
  writer.u8(hello.lowestVersion);
  writer.u8(hello.highestVersion);
  writer.varint(hello.features);
  writer.varint(hello.maxMessageBytes);
  writer.raw(hello.session);
  writer.text(hello.realm);
  writer.text(hello.incarnation);
  writer.text(hello.name);
}

export function writeWelcome(writer: ValueWriter, welcome: Welcome): void {
  writer.u8(WELCOME);
  writer.raw(MAGIC);
  writer.u8(welcome.version);
  writer.varint(welcome.features);
  writer.varint(welcome.maxMessageBytes);
  writer.raw(welcome.session);
  writer.text(welcome.incarnation);
  writer.text(welcome.name);
  writer.varint(welcome.listeners);
}

export function writeRefuse(writer: ValueWriter, refusal: Refusal): void {
  writer.u8(REFUSE);
  writer.raw(MAGIC);
  writer.u8(REFUSE_CODES.indexOf(refusal.code) + 1);
  writer.text(refusal.text);
}

/** @throws MalformedError: the frame is no HELLO. */
export function readHello(reader: ValueReader): Hello {
  expect(reader, HELLO, "HELLO");
  const lowestVersion = reader.u8();
  const highestVersion = reader.u8();
  const hello: Hello = {
    lowestVersion,
    highestVersion,
    features: reader.varint(),
    maxMessageBytes: reader.varint(),
    session: readSession(reader),
    realm: reader.text(),
    incarnation: reader.text(),
    name: reader.text(),
  };
  // A later version may have added fields, which one that does not know them passes over.
  if (highestVersion === PROTOCOL_VERSION) expectEnd(reader, "HELLO");
  return hello;
}

/** @throws MalformedError: the frame is neither WELCOME nor REFUSE. */
export function readAnswer(reader: ValueReader): Welcome | Refusal {
  if (reader.bytes[reader.position] === REFUSE) return readRefuse(reader);
  expect(reader, WELCOME, "WELCOME");
  const welcome: Welcome = {
    version: reader.u8(),
    features: reader.varint(),
    maxMessageBytes: reader.varint(),
    session: readSession(reader),
    incarnation: reader.text(),
    name: reader.text(),
    listeners: reader.varint(),
  };
  expectEnd(reader, "WELCOME");
  return welcome;
}

/** @throws MalformedError: the frame is no REFUSE. A code that is not known reads as `protocol`. */
export function readRefuse(reader: ValueReader): Refusal {
  expect(reader, REFUSE, "REFUSE");
  const code = REFUSE_CODES[reader.u8() - 1] ?? "protocol";
  return { code, text: reader.text() };
}

function expect(reader: ValueReader, type: number, name: string): void {
  if (reader.u8() !== type) throw new MalformedError(`no ${name}`, reader.position);
  for (const byte of MAGIC)
    if (reader.u8() !== byte) throw new MalformedError(`${name} without this protocol's mark`, reader.position);
}

function expectEnd(reader: ValueReader, name: string): void {
  if (reader.position !== reader.end) throw new MalformedError(`bytes behind ${name}`, reader.position);
}

function readSession(reader: ValueReader): Uint8Array {
  return new Uint8Array(reader.raw(SESSION_BYTES));
}
