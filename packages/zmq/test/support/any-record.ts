/** Any record as plain data and bytes, both directions and the greeting. */
import {
  type Hello,
  type Refusal,
  readAnswer,
  readHello,
  type Welcome,
  writeHello,
  writeRefuse,
  writeWelcome,
} from "../../src/wire/greeting.js";
import * as types from "../../src/wire/record-types.js";
import { readerOf, written } from "./bytes.js";
import { type RequestRecord, readRequestRecords, writeRequestRecord } from "./request-records.js";
import { type ResponseRecord, readResponseRecords, writeResponseRecord } from "./response-records.js";

export type AnyRecord =
  | ({ readonly type: "HELLO" } & Hello)
  | ({ readonly type: "WELCOME" } & Welcome)
  | ({ readonly type: "REFUSE" } & Refusal)
  | RequestRecord
  | ResponseRecord;

/** The type byte of each record by its name; ITEM, which is reserved, is among them. */
export const TYPE_BYTES: ReadonlyMap<string, number> = new Map(
  Object.entries(types).filter(([name]) => !name.startsWith("HAS_")),
);

const REQUESTS = new Set("ROUTE CALL CAST EVENT CANCEL WANT RETURN GAVE_UP NOTED PING SHAPE BYE".split(" "));

function isRequest(record: AnyRecord): record is RequestRecord {
  return REQUESTS.has(record.type);
}

export function encodeRecord(record: AnyRecord): Buffer {
  return written((writer) => {
    if (record.type === "HELLO") writeHello(writer, record);
    else if (record.type === "WELCOME") writeWelcome(writer, record);
    else if (record.type === "REFUSE") writeRefuse(writer, record);
    else if (isRequest(record)) writeRequestRecord(writer, record);
    else writeResponseRecord(writer, record);
  });
}

/** The one record of these bytes. @throws where they hold none, or more. */
export function decodeRecord(bytes: Buffer): AnyRecord {
  const [type] = bytes;
  if (type === types.HELLO) return { type: "HELLO", ...readHello(readerOf(bytes)) };
  if (type === types.WELCOME || type === types.REFUSE) {
    const answer = readAnswer(readerOf(bytes));
    return "code" in answer ? { type: "REFUSE", ...answer } : { type: "WELCOME", ...answer };
  }
  const isFromDialer = type === types.BYE || (type !== undefined && type < types.ADVERT);
  const [record, ...more] = isFromDialer ? readRequestRecords(bytes) : readResponseRecords(bytes);
  if (record === undefined || more.length > 0) throw new Error("not one record");
  return record;
}
