// Long because it is one table: each record of this direction, how it is written and how it is read.
/** Records that go from a link's listener to its dialer. ADVERT and GOAWAY are numbered from 1, without the number being written. */
import {
  type Failure,
  MalformedError,
  type Priority,
  type ShapeNames,
  type Value,
  type ValueReader,
  type ValueWriter,
} from "@trunkline/core/driver";
import {
  type RequestNames,
  readName,
  readOptionalName,
  readPriorities,
  readPriority,
  readRequestNames,
  writeOptionalName,
  writePriorities,
  writePriority,
  writeRequestNames,
} from "./names.js";
import {
  ACCEPTED,
  ADVERT,
  BEAT,
  BYE,
  CALL_BACK,
  CAST_BACK,
  CREDIT,
  EVENT_BACK,
  FAIL,
  GOAWAY,
  HANDLED,
  HAS_CONTEXT,
  HAS_HEADERS,
  PONG,
  RECLAIM,
  REPLY,
  REQUEUE,
  SHAPE,
} from "./record-types.js";
import { readFlags } from "./requests.js";
import { readShape } from "./shapes.js";

/** What a listener of the process is, as it says to its dialers. */
export type Advert = {
  /** Of this process; given once. */
  readonly listener: number;
  readonly exchange: string;
  readonly topic: string;
} & (
  | { readonly kind: "rpc"; readonly server: string }
  | { readonly kind: "events"; readonly priorities: readonly Priority[]; readonly pool: string | undefined }
);

/** Where a cast that comes back was going: enough to send it to another without a table. */
export interface CastNames extends RequestNames {
  readonly exchange: string;
  readonly topic: string;
  /** Where it was directed to one. */
  readonly server: string | undefined;
}

/** Where an event that comes back was going: the pool, and how often it was tried. */
export interface EventNames {
  readonly exchange: string;
  readonly topic: string;
  readonly pool: string | undefined;
  readonly priority: Priority;
  /** The next attempt's number. */
  readonly attempt: number;
}

/** What a dialer does with each record. `callBack`, `castBack`, `eventBack` and `requeue` read the body, which the reader stands before. */
export interface ResponseSink {
  readonly isOpen: boolean;
  /** Those by which objects of REPLY may be written; undefined where none were agreed on. */
  readonly shapes: ShapeNames | undefined;
  shape(keys: readonly string[]): void;
  advert(advert: Advert, credit: number): void;
  goaway(listener: number): void;
  reply(slot: number, generation: number, value: Value): void;
  fail(slot: number, generation: number, failure: Failure): void;
  beat(slot: number, generation: number): void;
  callBack(reader: ValueReader, flags: number, slot: number, generation: number): void;
  castBack(reader: ValueReader, flags: number, sequence: number, names: CastNames): void;
  eventBack(reader: ValueReader, flags: number, sequence: number, names: EventNames): void;
  requeue(reader: ValueReader, flags: number, delayMs: number, names: EventNames): void;
  accepted(sequence: number): void;
  handled(messages: number): void;
  credit(listener: number, tokens: number): void;
  reclaim(listener: number, tokens: number): void;
  pong(): void;
  bye(): void;
}

const HAS_BODY_PARTS = HAS_CONTEXT | HAS_HEADERS;
const RPC = 0;
const EVENTS = 1;
const MODULE = 1;
const STACK = 2;
const DETAILS = 4;

/** @throws MalformedError for bytes that are no records of this direction; those before them have been given to the sink. */
export function readResponses(reader: ValueReader, sink: ResponseSink): void {
  while (reader.position < reader.end && sink.isOpen) {
    switch (reader.u8()) {
      case REPLY: {
        const slot = reader.varint();
        const generation = reader.varint();
        reader.shapes = sink.shapes;
        sink.shapes?.begin();
        const value = reader.value();
        reader.shapes = undefined;
        sink.reply(slot, generation, value);
        break;
      }
      case ACCEPTED:
        sink.accepted(reader.varint());
        break;
      case HANDLED:
        sink.handled(reader.varint());
        break;
      case CREDIT: {
        const listener = reader.varint();
        sink.credit(listener, reader.varint());
        break;
      }
      case FAIL: {
        const slot = reader.varint();
        const generation = reader.varint();
        sink.fail(slot, generation, readFailure(reader));
        break;
      }
      case BEAT: {
        const slot = reader.varint();
        sink.beat(slot, reader.varint());
        break;
      }
      case RECLAIM: {
        const listener = reader.varint();
        sink.reclaim(listener, reader.varint());
        break;
      }
      case ADVERT: {
        const advert = readAdvert(reader);
        sink.advert(advert, reader.varint());
        break;
      }
      case GOAWAY:
        sink.goaway(reader.varint());
        break;
      case CALL_BACK: {
        const flags = readFlags(reader, HAS_BODY_PARTS);
        const slot = reader.varint();
        sink.callBack(reader, flags, slot, reader.varint());
        break;
      }
      case CAST_BACK: {
        const flags = readFlags(reader, HAS_BODY_PARTS);
        const sequence = reader.varint();
        sink.castBack(reader, flags, sequence, readCastNames(reader));
        break;
      }
      case EVENT_BACK: {
        const flags = readFlags(reader, HAS_BODY_PARTS);
        const sequence = reader.varint();
        sink.eventBack(reader, flags, sequence, readEventNames(reader));
        break;
      }
      case REQUEUE: {
        const flags = readFlags(reader, HAS_BODY_PARTS);
        const delayMs = reader.varint();
        sink.requeue(reader, flags, delayMs, readEventNames(reader));
        break;
      }
      case PONG:
        sink.pong();
        break;
      case BYE:
        sink.bye();
        break;
      case SHAPE:
        sink.shape(readShape(reader));
        break;
      default:
        throw new MalformedError(`record type ${reader.bytes[reader.position - 1]} is no response`, reader.position);
    }
  }
}

export function writeAdvert(writer: ValueWriter, advert: Advert, credit: number): void {
  writer.u8(ADVERT);
  writer.varint(advert.listener);
  writer.u8(advert.kind === "rpc" ? RPC : EVENTS);
  writer.text(advert.exchange);
  writer.text(advert.topic);
  if (advert.kind === "rpc") {
    writer.text(advert.server);
  } else {
    writePriorities(writer, advert.priorities);
    writeOptionalName(writer, advert.pool);
  }
  writer.varint(credit);
}

function readAdvert(reader: ValueReader): Advert {
  const listener = reader.varint();
  const kind = reader.u8();
  if (kind !== RPC && kind !== EVENTS) throw new MalformedError("an unknown kind of listener", reader.position);
  const exchange = readName(reader);
  const topic = readName(reader);
  if (kind === RPC) return { kind: "rpc", listener, exchange, topic, server: readName(reader) };
  const priorities = readPriorities(reader);
  return { kind: "events", listener, exchange, topic, priorities, pool: readOptionalName(reader) };
}

export function writeGoaway(writer: ValueWriter, listener: number): void {
  writer.u8(GOAWAY);
  writer.varint(listener);
}

export function writeReply(writer: ValueWriter, slot: number, generation: number, value: Value): void {
  writer.u8(REPLY);
  writer.varint(slot);
  writer.varint(generation);
  writer.value(value, "result");
}

export function writeFail(writer: ValueWriter, slot: number, generation: number, failure: Failure): void {
  writer.u8(FAIL);
  writer.varint(slot);
  writer.varint(generation);
  writer.u8(
    (failure.module === undefined ? 0 : MODULE) |
      (failure.stack === undefined ? 0 : STACK) |
      (failure.details === undefined ? 0 : DETAILS),
  );
  // A thrown error may say anything, and must reach its caller all the same (B5).
  writer.text(failure.type.toWellFormed());
  writer.text(failure.message.toWellFormed());
  if (failure.module !== undefined) writer.text(failure.module.toWellFormed());
  if (failure.stack !== undefined) writer.text(failure.stack.toWellFormed());
  if (failure.details !== undefined) writer.value(failure.details, "details");
}

function readFailure(reader: ValueReader): Failure {
  const present = readFlags(reader, MODULE | STACK | DETAILS);
  const type = reader.text();
  const message = reader.text();
  return {
    type,
    message,
    ...((present & MODULE) === 0 ? {} : { module: reader.text() }),
    ...((present & STACK) === 0 ? {} : { stack: reader.text() }),
    ...((present & DETAILS) === 0 ? {} : { details: reader.value() }),
  };
}

export function writeBeat(writer: ValueWriter, slot: number, generation: number): void {
  writer.u8(BEAT);
  writer.varint(slot);
  writer.varint(generation);
}

/** The header of a CALL_BACK; the body follows. */
export function writeCallBack(writer: ValueWriter, flags: number, slot: number, generation: number): void {
  writer.u8(CALL_BACK);
  writer.u8(flags);
  writer.varint(slot);
  writer.varint(generation);
}

/** The header of a CAST_BACK; the body follows. */
export function writeCastBack(writer: ValueWriter, flags: number, sequence: number, names: CastNames): void {
  writer.u8(CAST_BACK);
  writer.u8(flags);
  writer.varint(sequence);
  writer.text(names.exchange);
  writer.text(names.topic);
  writeOptionalName(writer, names.server);
  writeRequestNames(writer, names);
}

function readCastNames(reader: ValueReader): CastNames {
  const exchange = readName(reader);
  const topic = readName(reader);
  const server = readOptionalName(reader);
  return { exchange, topic, server, ...readRequestNames(reader) };
}

/** The header of an EVENT_BACK; the body follows. */
export function writeEventBack(writer: ValueWriter, flags: number, sequence: number, names: EventNames): void {
  writer.u8(EVENT_BACK);
  writer.u8(flags);
  writer.varint(sequence);
  writeEventNames(writer, names);
}

/** The header of a REQUEUE; the body follows. */
export function writeRequeue(writer: ValueWriter, flags: number, delayMs: number, names: EventNames): void {
  writer.u8(REQUEUE);
  writer.u8(flags);
  writer.varint(delayMs);
  writeEventNames(writer, names);
}

function writeEventNames(writer: ValueWriter, names: EventNames): void {
  writer.text(names.exchange);
  writer.text(names.topic);
  writeOptionalName(writer, names.pool);
  writePriority(writer, names.priority);
  writer.varint(names.attempt);
}

function readEventNames(reader: ValueReader): EventNames {
  const exchange = readName(reader);
  const topic = readName(reader);
  const pool = readOptionalName(reader);
  const priority = readPriority(reader);
  return { exchange, topic, pool, priority, attempt: reader.varint() };
}

export function writeAccepted(writer: ValueWriter, sequence: number): void {
  writer.u8(ACCEPTED);
  writer.varint(sequence);
}

export function writeHandled(writer: ValueWriter, messages: number): void {
  writer.u8(HANDLED);
  writer.varint(messages);
}

export function writeCredit(writer: ValueWriter, listener: number, tokens: number): void {
  writer.u8(CREDIT);
  writer.varint(listener);
  writer.varint(tokens);
}

export function writeReclaim(writer: ValueWriter, listener: number, tokens: number): void {
  writer.u8(RECLAIM);
  writer.varint(listener);
  writer.varint(tokens);
}
