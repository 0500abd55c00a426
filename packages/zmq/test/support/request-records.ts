/** Requests as plain data, for tests that compare what was written with what was read. */
import type {
  CancelReason,
  Event,
  JsonObject,
  Priority,
  ReceivedShapes,
  Request,
  Value,
  ValueReader,
  ValueWriter,
} from "@trunkline/core/driver";
import {
  bodyFlags,
  readContext,
  readHeaders,
  readObject,
  writeEventBody,
  writeRequestBody,
} from "../../src/wire/bodies.js";
import type { RequestNames } from "../../src/wire/names.js";
import { BYE, PING } from "../../src/wire/record-types.js";
import {
  type RequestSink,
  readRequests,
  writeCall,
  writeCancel,
  writeCast,
  writeEvent,
  writeGaveUp,
  writeNoted,
  writeReturn,
  writeRoute,
  writeWant,
} from "../../src/wire/requests.js";
import { writeShape } from "../../src/wire/shapes.js";
import { readerOf } from "./bytes.js";

interface Carried {
  readonly context: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestBody extends Carried {
  readonly params: JsonObject;
}

export interface EventBody extends Carried {
  readonly id: string;
  readonly publisherId: string;
  readonly eventType: string;
  readonly timestamp: string;
  readonly payload: Value;
}

export type RequestRecord =
  | { readonly type: "ROUTE"; readonly id: number; readonly listener: number; readonly names: RequestNames }
  | {
      readonly type: "CALL";
      readonly slot: number;
      readonly generation: number;
      readonly route: number;
      readonly timeoutMs: number;
      readonly monitorMs: number | undefined;
      readonly body: RequestBody;
    }
  | { readonly type: "CAST"; readonly route: number; readonly body: RequestBody }
  | {
      readonly type: "EVENT";
      readonly listener: number;
      readonly attempt: number;
      readonly priority: Priority;
      readonly body: EventBody;
    }
  | { readonly type: "CANCEL"; readonly slot: number; readonly generation: number; readonly reason: CancelReason }
  | { readonly type: "WANT"; readonly listener: number; readonly messages: number }
  | { readonly type: "RETURN"; readonly listener: number; readonly tokens: number }
  | { readonly type: "GAVE_UP"; readonly listener: number }
  | { readonly type: "NOTED"; readonly adverts: number }
  | { readonly type: "PING" }
  | { readonly type: "SHAPE"; readonly keys: readonly string[] }
  | { readonly type: "BYE" };

/** The body as a message of the seam. */
export function requestOf(body: RequestBody, names: Partial<RequestNames> = {}): Request {
  return { kind: "request", id: "", method: "m", ...names, ...body };
}

export function eventOf(body: EventBody, priority: Priority = "info"): Event {
  return { kind: "event", priority, ...body };
}

export function writeRequestRecord(writer: ValueWriter, record: RequestRecord): void {
  switch (record.type) {
    case "ROUTE":
      return writeRoute(writer, record.id, record.listener, record.names);
    case "CALL": {
      const request = requestOf(record.body);
      const flags = bodyFlags(request);
      const { slot, generation, route, timeoutMs, monitorMs } = record;
      writeCall(writer, flags, slot, generation, route, timeoutMs, monitorMs);
      return writeRequestBody(writer, request, flags);
    }
    case "CAST": {
      const request = requestOf(record.body);
      const flags = bodyFlags(request);
      writeCast(writer, flags, record.route);
      return writeRequestBody(writer, request, flags);
    }
    case "EVENT": {
      const event = eventOf(record.body, record.priority);
      const flags = bodyFlags(event);
      writeEvent(writer, flags, record.listener, record.attempt, record.priority);
      return writeEventBody(writer, event, flags);
    }
    case "CANCEL":
      return writeCancel(writer, record.slot, record.generation, record.reason);
    case "WANT":
      return writeWant(writer, record.listener, record.messages);
    case "RETURN":
      return writeReturn(writer, record.listener, record.tokens);
    case "GAVE_UP":
      return writeGaveUp(writer, record.listener);
    case "NOTED":
      return writeNoted(writer, record.adverts);
    case "PING":
      return writer.u8(PING);
    case "SHAPE":
      return writeShape(writer, record.keys);
    case "BYE":
      return writer.u8(BYE);
  }
}

export function readRequestBody(reader: ValueReader, flags: number): RequestBody {
  return { params: readObject(reader), context: readContext(reader, flags), headers: readHeaders(reader, flags) };
}

export function readEventBody(reader: ValueReader, flags: number): EventBody {
  return {
    id: reader.text(),
    publisherId: reader.text(),
    eventType: reader.text(),
    timestamp: reader.text(),
    payload: reader.value(),
    context: readContext(reader, flags),
    headers: readHeaders(reader, flags),
  };
}

/**
 * The records of a frame.
 * @param shapes the session's, which take what the frame announces. @default none, and what is announced is only told.
 * @throws MalformedError.
 */
export function readRequestRecords(frame: Uint8Array, shapes?: ReceivedShapes): RequestRecord[] {
  const records: RequestRecord[] = [];
  const sink: RequestSink = {
    isOpen: true,
    shapes,
    shape(keys) {
      records.push({ type: "SHAPE", keys });
      shapes?.add(keys, 0);
    },
    route: (id, listener, names) => records.push({ type: "ROUTE", id, listener, names }),
    call(reader, flags, slot, generation, route, timeoutMs, monitorMs) {
      const body = readRequestBody(reader, flags);
      records.push({ type: "CALL", slot, generation, route, timeoutMs, monitorMs, body });
    },
    cast: (reader, flags, route) => records.push({ type: "CAST", route, body: readRequestBody(reader, flags) }),
    event: (reader, flags, listener, attempt, priority) =>
      records.push({ type: "EVENT", listener, attempt, priority, body: readEventBody(reader, flags) }),
    cancel: (slot, generation, reason) => records.push({ type: "CANCEL", slot, generation, reason }),
    want: (listener, messages) => records.push({ type: "WANT", listener, messages }),
    returned: (listener, tokens) => records.push({ type: "RETURN", listener, tokens }),
    gaveUp: (listener) => records.push({ type: "GAVE_UP", listener }),
    noted: (adverts) => records.push({ type: "NOTED", adverts }),
    ping: () => records.push({ type: "PING" }),
    bye: () => records.push({ type: "BYE" }),
  };
  readRequests(readerOf(frame), sink);
  return records;
}
