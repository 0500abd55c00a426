/**
 * What the transports of `rabbit://` tell each other beside requests and replies, as messages of a type of their own in the inbox.
 * They are transient and go unanswered where nobody is there.
 */
import { MalformedError } from "@trunkline/core/driver";
import { parsePythonJson } from "../wire/python-json.js";

/**
 * To all that serve a topic. `cancel`: nobody waits for these requests any more. `join`: the sender serves too, and wants to know
 * who does. `leave`: it does no more, and nothing that it had can come again. `gone`: it does no more, and has lost a connection in its
 * time, so that something may. `who`: who has these?
 *
 * To one inbox. `here`: the sender serves the topic. `have`: of what was asked in that round, the sender has these.
 */
export type NoticeKind = "cancel" | "join" | "leave" | "gone" | "who" | "here" | "have";

export interface Notice {
  readonly kind: NoticeKind;
  /** Of the topic, as it is bound at the control exchange. */
  readonly topic: string;
  /** The sender's inbox. */
  readonly from: string;
  /** Of requests; empty where the kind needs none. */
  readonly ids: readonly string[];
  /** Of `who`, and of the `have` that answers it. */
  readonly round: number;
  /** Of `join` and `here`: with how many servers the sender consumes from the topic's queue. */
  readonly servers?: number | undefined;
  /** Of `cancel`: why. */
  readonly detail?: string | undefined;
}

const PREFIX = "trunkline.";
const KINDS: ReadonlySet<string> = new Set<NoticeKind>(["cancel", "join", "leave", "gone", "who", "here", "have"]);

/** A notice of more than this is sent as several, and one that came is not believed. */
export const MOST_IDS = 1_000;
const LONGEST_TEXT = 255;
const LONGEST_BODY = 512 * 1024;

/** The AMQP type of a notice. */
export function typeOf(kind: NoticeKind): string {
  return PREFIX + kind;
}

export function isNotice(type: unknown): type is string {
  return typeof type === "string" && type.startsWith(PREFIX);
}

export function encodeNotice({ kind: _, ...body }: Notice): Buffer {
  return Buffer.from(JSON.stringify(body));
}

/** @throws MalformedError for what is no notice (F1). */
export function readNotice(type: string, content: Buffer): Notice {
  const kind = type.slice(PREFIX.length);
  if (!isKind(kind)) throw new MalformedError("a notice of an unknown kind", 0);
  if (content.length > LONGEST_BODY) throw new MalformedError("a notice that is too long", 0);
  const body = parsePythonJson(content.toString("utf8"));
  if (typeof body !== "object" || body === null) throw new MalformedError("a notice that is no object", 0);
  const { topic, from, ids, round, servers, detail }: Readonly<Record<string, unknown>> = { ...body };
  if (!Array.isArray(ids) || ids.length > MOST_IDS || !ids.every(isText)) {
    throw new MalformedError("a notice without a list of ids", 0);
  }
  if (!isText(topic) || !isText(from) || typeof round !== "number") {
    throw new MalformedError("a notice that does not say whose it is", 0);
  }
  const told = { detail: isText(detail) ? detail : undefined, servers: isCount(servers) ? servers : undefined };
  return { kind, topic, from, ids, round, ...told };
}

function isKind(kind: string): kind is NoticeKind {
  return KINDS.has(kind);
}

function isCount(count: unknown): count is number {
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0;
}

function isText(text: unknown): text is string {
  return typeof text === "string" && text.length > 0 && text.length <= LONGEST_TEXT;
}
