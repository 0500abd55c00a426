import { createHash } from "node:crypto";
import { PRIORITIES, type Priority } from "@trunkline/core/driver";
import type { ListenerRecord, TopicKey } from "./matchmaker.js";

const FORMAT = 1;
const TOPIC_DIRECTORY = /^(?:rpc|events)-[0-9a-f]{32}$/u;

/** The directory of one topic's records: named by hash, since names may hold anything and be of any length. */
export function topicDirectoryName(key: TopicKey): string {
  // As JSON, so that no two keys are the same text.
  const whole = JSON.stringify([key.kind, key.realm, key.exchange, key.topic]);
  return `${key.kind}-${createHash("sha256").update(whole).digest("hex").slice(0, 32)}`;
}

export function isTopicDirectoryName(name: string): boolean {
  return TOPIC_DIRECTORY.test(name);
}

export function encodeRecord(record: ListenerRecord): string {
  const { kind, realm, exchange, topic, server, pool, priorities, address, incarnation } = record;
  return `${JSON.stringify({ format: FORMAT, kind, realm, exchange, topic, server, pool, priorities, address, incarnation })}\n`;
}

/** Undefined: no record of this format (F1). */
export function decodeRecord(text: string): ListenerRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Half a file, or somebody else's: the caller counts it.
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const stringOf = (name: string): string | undefined => {
    const field = fields.get(name);
    return typeof field === "string" ? field : undefined;
  };
  const kind = stringOf("kind");
  const realm = stringOf("realm");
  const exchange = stringOf("exchange");
  const topic = stringOf("topic");
  const address = stringOf("address");
  const incarnation = stringOf("incarnation");
  if (fields.get("format") !== FORMAT || (kind !== "rpc" && kind !== "events")) return undefined;
  if (realm === undefined || exchange === undefined || topic === undefined) return undefined;
  if (address === undefined || incarnation === undefined) return undefined;
  const server = stringOf("server");
  const pool = stringOf("pool");
  const priorities = prioritiesOf(fields.get("priorities"));
  if (priorities === "malformed" || (kind === "rpc" && server === undefined)) return undefined;
  return {
    kind,
    realm,
    exchange,
    topic,
    address,
    incarnation,
    ...(server === undefined ? {} : { server }),
    ...(pool === undefined ? {} : { pool }),
    ...(priorities === undefined ? {} : { priorities }),
  };
}

/** The whole names, for two topics may have one hash (A5). */
export function isOfTopic(record: ListenerRecord, key: TopicKey): boolean {
  return (
    record.kind === key.kind &&
    record.realm === key.realm &&
    record.exchange === key.exchange &&
    record.topic === key.topic
  );
}

function prioritiesOf(value: unknown): readonly Priority[] | "malformed" | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return "malformed";
  const known: readonly string[] = PRIORITIES;
  return value.every((item) => typeof item === "string" && known.includes(item)) ? value : "malformed";
}
