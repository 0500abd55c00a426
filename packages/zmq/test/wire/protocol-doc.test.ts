import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { MAX_NAME_BYTES, PRIORITIES } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { MAX_IPC_PATH_BYTES } from "../../src/engine/address.js";
import { parseProcessToken } from "../../src/matchmaker/process-token.js";
import {
  decodeRecord as decodeListenerRecord,
  encodeRecord as encodeListenerRecord,
  topicDirectoryName,
} from "../../src/matchmaker/record-files.js";
import { PROTOCOL_VERSION, SESSION_BYTES } from "../../src/wire/greeting.js";
import { ITEM } from "../../src/wire/record-types.js";
import { MAX_ROUTES } from "../../src/wire/requests.js";
import { type AnyRecord, decodeRecord, encodeRecord, TYPE_BYTES } from "../support/any-record.js";
import { fromHex } from "../support/bytes.js";

const page = readFileSync(new URL("../../../../docs/protocol-zmq.md", import.meta.url), "utf8");

interface Example {
  readonly section: string;
  readonly bytes: Buffer;
  readonly record: AnyRecord;
}

/** Each pair of a hex block and the JSON block behind it, and the record's heading before them. */
const examples: readonly Example[] = [...page.matchAll(/```hex\n([^`]*)```\n```json\n([^`]*)```/g)].map((match) => {
  const [, hex = "", json = ""] = match;
  const section =
    [...page.slice(0, match.index).matchAll(/^### (\w+) `0x(..)`$/gm)].at(-1)?.slice(1, 3).join(" ") ?? "";
  const record = JSON.parse(json, (key, value: unknown) =>
    key === "session" && typeof value === "string" ? new Uint8Array(fromHex(value)) : value,
  ) as AnyRecord;
  return { section, bytes: fromHex(hex), record };
});

/** As JSON would carry it: what is undefined is left out. */
const asJson = (record: AnyRecord): unknown => JSON.parse(JSON.stringify(record));

describe("each example of docs/protocol-zmq.md", () => {
  test.each(examples)("$section is encoded and decoded as it says", ({ section, bytes, record }) => {
    expect(section).toBe(`${record.type} ${TYPE_BYTES.get(record.type)?.toString(16).padStart(2, "0")}`);
    expect(encodeRecord(record).toString("hex")).toBe(bytes.toString("hex"));
    expect(asJson(decodeRecord(bytes))).toEqual(asJson(record));
  });

  test("is there for every record, but for the one that is reserved", () => {
    const shown = new Set(examples.map(({ record }) => record.type));
    expect([...TYPE_BYTES.keys()].filter((name) => !shown.has(name as AnyRecord["type"]))).toEqual(["ITEM"]);
    expect(page).toContain(`\`0x${ITEM.toString(16)}\` (ITEM) is reserved`);
  });
});

test("the page's headings are all records, each once", () => {
  const headings = [...page.matchAll(/^### (\w+) `0x(..)`$/gm)].map(([, name = "", type = ""]) => [
    name,
    Number.parseInt(type, 16),
  ]);
  const known = [...TYPE_BYTES].filter(([name]) => name !== "ITEM");
  expect(headings.toSorted()).toEqual(known.toSorted());
});

test("the page's numbers are those of the code", () => {
  const spaced = (number: number): string => String(number).replace(/\B(?=(\d{3})+$)/g, " ");
  expect(page).toContain(`# The ZeroMQ wire protocol, version ${PROTOCOL_VERSION}`);
  expect(page).toContain(`| \`session\` | ${SESSION_BYTES} bytes |`);
  expect(page).toContain(`| a name | ${MAX_NAME_BYTES} bytes |`);
  expect(page).toContain(`| a route's id | ${spaced(MAX_ROUTES)} |`);
  expect(page).toContain(PRIORITIES.map((priority, index) => `${index} ${priority}`).join(", "));
});

test("the page's record of a listener is one, and lies where the page says", () => {
  const [, json = "", directory = ""] = /```json\n(\{\n {2}"format"[^`]*)```\n\nlies in `([^`]+)`/.exec(page) ?? [];
  const record = decodeListenerRecord(json);
  expect(record).toEqual({ ...JSON.parse(json), format: undefined });
  expect(record && topicDirectoryName(record)).toBe(directory);
  expect(decodeListenerRecord(record ? encodeListenerRecord(record) : "")).toEqual(record);
  expect(parseProcessToken(basename(record?.address ?? "", ".sock"))).toBeDefined();
  expect(page).toContain(`at most ${MAX_IPC_PATH_BYTES} bytes of path`);
});
