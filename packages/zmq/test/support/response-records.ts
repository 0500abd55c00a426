/** Responses as plain data, for tests that compare what was written with what was read. */
import type { Failure, ReceivedShapes, Value, ValueWriter } from "@trunkline/core/driver";
import { bodyFlags, writeEventBody, writeRequestBody } from "../../src/wire/bodies.js";
import { BYE, PONG } from "../../src/wire/record-types.js";
import {
  type Advert,
  type CastNames,
  type EventNames,
  type ResponseSink,
  readResponses,
  writeAccepted,
  writeAdvert,
  writeBeat,
  writeCallBack,
  writeCastBack,
  writeCredit,
  writeEventBack,
  writeFail,
  writeGoaway,
  writeHandled,
  writeReclaim,
  writeReply,
  writeRequeue,
} from "../../src/wire/responses.js";
import { writeShape } from "../../src/wire/shapes.js";
import { readerOf } from "./bytes.js";
import {
  type EventBody,
  eventOf,
  type RequestBody,
  readEventBody,
  readRequestBody,
  requestOf,
} from "./request-records.js";

export type ResponseRecord =
  | { readonly type: "ADVERT"; readonly advert: Advert; readonly credit: number }
  | { readonly type: "GOAWAY"; readonly listener: number }
  | { readonly type: "REPLY"; readonly slot: number; readonly generation: number; readonly value: Value }
  | { readonly type: "FAIL"; readonly slot: number; readonly generation: number; readonly failure: Failure }
  | { readonly type: "BEAT"; readonly slot: number; readonly generation: number }
  | { readonly type: "CALL_BACK"; readonly slot: number; readonly generation: number; readonly body: RequestBody }
  | { readonly type: "CAST_BACK"; readonly sequence: number; readonly names: CastNames; readonly body: RequestBody }
  | { readonly type: "EVENT_BACK"; readonly sequence: number; readonly names: EventNames; readonly body: EventBody }
  | { readonly type: "REQUEUE"; readonly delayMs: number; readonly names: EventNames; readonly body: EventBody }
  | { readonly type: "ACCEPTED"; readonly sequence: number }
  | { readonly type: "HANDLED"; readonly messages: number }
  | { readonly type: "CREDIT"; readonly listener: number; readonly tokens: number }
  | { readonly type: "RECLAIM"; readonly listener: number; readonly tokens: number }
  | { readonly type: "PONG" }
  | { readonly type: "SHAPE"; readonly keys: readonly string[] }
  | { readonly type: "BYE" };

export function writeResponseRecord(writer: ValueWriter, record: ResponseRecord): void {
  switch (record.type) {
    case "ADVERT":
      return writeAdvert(writer, record.advert, record.credit);
    case "GOAWAY":
      return writeGoaway(writer, record.listener);
    case "REPLY":
      return writeReply(writer, record.slot, record.generation, record.value);
    case "FAIL":
      return writeFail(writer, record.slot, record.generation, record.failure);
    case "BEAT":
      return writeBeat(writer, record.slot, record.generation);
    case "CALL_BACK":
      return withRequest(writer, record.body, (flags) => writeCallBack(writer, flags, record.slot, record.generation));
    case "CAST_BACK":
      return withRequest(writer, record.body, (flags) => writeCastBack(writer, flags, record.sequence, record.names));
    case "EVENT_BACK":
      return withEvent(writer, record.body, (flags) => writeEventBack(writer, flags, record.sequence, record.names));
    case "REQUEUE":
      return withEvent(writer, record.body, (flags) => writeRequeue(writer, flags, record.delayMs, record.names));
    case "ACCEPTED":
      return writeAccepted(writer, record.sequence);
    case "HANDLED":
      return writeHandled(writer, record.messages);
    case "CREDIT":
      return writeCredit(writer, record.listener, record.tokens);
    case "RECLAIM":
      return writeReclaim(writer, record.listener, record.tokens);
    case "PONG":
      return writer.u8(PONG);
    case "SHAPE":
      return writeShape(writer, record.keys);
    case "BYE":
      return writer.u8(BYE);
  }
}

function withRequest(writer: ValueWriter, body: RequestBody, writeHeader: (flags: number) => void): void {
  const request = requestOf(body);
  const flags = bodyFlags(request);
  writeHeader(flags);
  writeRequestBody(writer, request, flags);
}

function withEvent(writer: ValueWriter, body: EventBody, writeHeader: (flags: number) => void): void {
  const event = eventOf(body);
  const flags = bodyFlags(event);
  writeHeader(flags);
  writeEventBody(writer, event, flags);
}

/** As `readRequestRecords`. */
export function readResponseRecords(frame: Uint8Array, shapes?: ReceivedShapes): ResponseRecord[] {
  const records: ResponseRecord[] = [];
  const sink: ResponseSink = {
    isOpen: true,
    shapes,
    shape(keys) {
      records.push({ type: "SHAPE", keys });
      shapes?.add(keys, 0);
    },
    advert: (advert, credit) => records.push({ type: "ADVERT", advert, credit }),
    goaway: (listener) => records.push({ type: "GOAWAY", listener }),
    reply: (slot, generation, value) => records.push({ type: "REPLY", slot, generation, value }),
    fail: (slot, generation, failure) => records.push({ type: "FAIL", slot, generation, failure }),
    beat: (slot, generation) => records.push({ type: "BEAT", slot, generation }),
    callBack: (reader, flags, slot, generation) =>
      records.push({ type: "CALL_BACK", slot, generation, body: readRequestBody(reader, flags) }),
    castBack: (reader, flags, sequence, names) =>
      records.push({ type: "CAST_BACK", sequence, names, body: readRequestBody(reader, flags) }),
    eventBack: (reader, flags, sequence, names) =>
      records.push({ type: "EVENT_BACK", sequence, names, body: readEventBody(reader, flags) }),
    requeue: (reader, flags, delayMs, names) =>
      records.push({ type: "REQUEUE", delayMs, names, body: readEventBody(reader, flags) }),
    accepted: (sequence) => records.push({ type: "ACCEPTED", sequence }),
    handled: (messages) => records.push({ type: "HANDLED", messages }),
    credit: (listener, tokens) => records.push({ type: "CREDIT", listener, tokens }),
    reclaim: (listener, tokens) => records.push({ type: "RECLAIM", listener, tokens }),
    pong: () => records.push({ type: "PONG" }),
    bye: () => records.push({ type: "BYE" }),
  };
  readResponses(readerOf(frame), sink);
  return records;
}
