/**
 * Records that go from a link's dialer to its listener. Each is self-delimiting; a frame is one or more of them.
 *
 * CALL, CAST and EVENT are numbered from 1 in the order sent, without the number being written.
 */
import {
  type CancelReason,
  MalformedError,
  type Priority,
  type ShapeNames,
  type ValueReader,
  type ValueWriter,
} from "@trunkline/core/driver";
import {
  type RequestNames,
  readPriority,
  readReason,
  readRequestNames,
  writePriority,
  writeReason,
  writeRequestNames,
} from "./names.js";
import {
  BYE,
  CALL,
  CANCEL,
  CAST,
  EVENT,
  GAVE_UP,
  HAS_CONTEXT,
  HAS_HEADERS,
  HAS_MONITOR,
  NOTED,
  PING,
  RETURN,
  ROUTE,
  SHAPE,
  WANT,
} from "./record-types.js";
import { readShape } from "./shapes.js";

/** Route ids are 1 to this; one that is defined again means the new route from then on. */
export const MAX_ROUTES = 65_535;

/** What a listener does with each record. `call`, `cast` and `event` read the body, which the reader stands before. */
export interface RequestSink {
  /** False ends the reading: the link was cut meanwhile. */
  readonly isOpen: boolean;
  /** Those by which objects of CALL and CAST may be written; undefined where none were agreed on. */
  readonly shapes: ShapeNames | undefined;
  shape(keys: readonly string[]): void;
  route(id: number, listener: number, names: RequestNames): void;
  call(
    reader: ValueReader,
    flags: number,
    slot: number,
    generation: number,
    route: number,
    timeoutMs: number,
    monitorMs: number | undefined,
  ): void;
  cast(reader: ValueReader, flags: number, route: number): void;
  event(reader: ValueReader, flags: number, listener: number, attempt: number, priority: Priority): void;
  cancel(slot: number, generation: number, reason: CancelReason): void;
  want(listener: number, messages: number): void;
  returned(listener: number, tokens: number): void;
  gaveUp(listener: number): void;
  noted(adverts: number): void;
  ping(): void;
  bye(): void;
}

/** @throws MalformedError for bytes that are no records of this direction; those before them have been given to the sink. */
export function readRequests(reader: ValueReader, sink: RequestSink): void {
  while (reader.position < reader.end && sink.isOpen) {
    switch (reader.u8()) {
      case CALL: {
        const flags = readFlags(reader, HAS_CONTEXT | HAS_HEADERS | HAS_MONITOR);
        const slot = reader.varint();
        const generation = reader.varint();
        const route = reader.varint();
        const timeoutMs = reader.varint();
        const monitorMs = (flags & HAS_MONITOR) === 0 ? undefined : reader.varint();
        reader.shapes = sink.shapes;
        sink.shapes?.begin();
        sink.call(reader, flags, slot, generation, route, timeoutMs, monitorMs);
        reader.shapes = undefined;
        break;
      }
      case CAST: {
        const flags = readFlags(reader, HAS_CONTEXT | HAS_HEADERS);
        const route = reader.varint();
        reader.shapes = sink.shapes;
        sink.shapes?.begin();
        sink.cast(reader, flags, route);
        reader.shapes = undefined;
        break;
      }
      case EVENT: {
        const flags = readFlags(reader, HAS_CONTEXT | HAS_HEADERS);
        const listener = reader.varint();
        const attempt = reader.varint();
        sink.event(reader, flags, listener, attempt, readPriority(reader));
        break;
      }
      case ROUTE: {
        const id = reader.varint();
        if (id < 1 || id > MAX_ROUTES) throw new MalformedError("a route's id out of bounds", reader.position);
        const listener = reader.varint();
        sink.route(id, listener, readRequestNames(reader));
        break;
      }
      case CANCEL: {
        const slot = reader.varint();
        const generation = reader.varint();
        sink.cancel(slot, generation, readReason(reader));
        break;
      }
      case WANT: {
        const listener = reader.varint();
        sink.want(listener, reader.varint());
        break;
      }
      case RETURN: {
        const listener = reader.varint();
        sink.returned(listener, reader.varint());
        break;
      }
      case GAVE_UP:
        sink.gaveUp(reader.varint());
        break;
      case NOTED:
        sink.noted(reader.varint());
        break;
      case PING:
        sink.ping();
        break;
      case BYE:
        sink.bye();
        break;
      case SHAPE:
        sink.shape(readShape(reader));
        break;
      default:
        throw new MalformedError(`record type ${reader.bytes[reader.position - 1]} is no request`, reader.position);
    }
  }
}

export function readFlags(reader: ValueReader, known: number): number {
  const flags = reader.u8();
  if ((flags & ~known) !== 0) throw new MalformedError("unknown flags", reader.position);
  return flags;
}

export function writeRoute(writer: ValueWriter, id: number, listener: number, names: RequestNames): void {
  writer.u8(ROUTE);
  writer.varint(id);
  writer.varint(listener);
  writeRequestNames(writer, names);
}

/** The header of a CALL; its body follows. */
export function writeCall(
  writer: ValueWriter,
  flags: number,
  slot: number,
  generation: number,
  route: number,
  timeoutMs: number,
  monitorMs: number | undefined,
): void {
  writer.u8(CALL);
  writer.u8(monitorMs === undefined ? flags : flags | HAS_MONITOR);
  writer.varint(slot);
  writer.varint(generation);
  writer.varint(route);
  writer.varint(timeoutMs);
  if (monitorMs !== undefined) writer.varint(monitorMs);
}

/** The header of a CAST; its body follows. */
export function writeCast(writer: ValueWriter, flags: number, route: number): void {
  writer.u8(CAST);
  writer.u8(flags);
  writer.varint(route);
}

/** The header of an EVENT; its body follows. */
export function writeEvent(
  writer: ValueWriter,
  flags: number,
  listener: number,
  attempt: number,
  priority: Priority,
): void {
  writer.u8(EVENT);
  writer.u8(flags);
  writer.varint(listener);
  writer.varint(attempt);
  writePriority(writer, priority);
}

export function writeCancel(writer: ValueWriter, slot: number, generation: number, reason: CancelReason): void {
  writer.u8(CANCEL);
  writer.varint(slot);
  writer.varint(generation);
  writeReason(writer, reason);
}

export function writeWant(writer: ValueWriter, listener: number, messages: number): void {
  writer.u8(WANT);
  writer.varint(listener);
  writer.varint(messages);
}

export function writeReturn(writer: ValueWriter, listener: number, tokens: number): void {
  writer.u8(RETURN);
  writer.varint(listener);
  writer.varint(tokens);
}

export function writeGaveUp(writer: ValueWriter, listener: number): void {
  writer.u8(GAVE_UP);
  writer.varint(listener);
}

export function writeNoted(writer: ValueWriter, adverts: number): void {
  writer.u8(NOTED);
  writer.varint(adverts);
}
