/**
 * AMQP headers: what travels beside the body. oslo.messaging sends none and passes over ours; they are how our own services
 * tell each other what its format has no place for.
 */
import { SerializationError } from "@trunkline/core/driver";
import { isObject } from "./inner-message.js";

/** What the driver itself says of a message. */
export interface OwnHeaders {
  /** When it was sent, by the sender's clock: milliseconds since 1970, UTC (B6). */
  readonly sentAtMs?: number | undefined;
  /** What was left of a call's time then (B6). */
  readonly timeoutMs?: number | undefined;
  /** A call's monitor time, which the body has in whole seconds only (B8). */
  readonly monitorMs?: number | undefined;
  /** 1 at first. */
  readonly attempt?: number | undefined;
}

/** The headers of a message that came; what is absent or out of its range is left out. */
export interface ParsedHeaders {
  readonly headers: Readonly<Record<string, string>>;
  readonly sentAtMs?: number;
  readonly timeoutMs?: number;
  readonly monitorMs?: number;
  readonly attempt?: number;
}

/** Under their own names, for others than us to find (D5). */
const TRACE_HEADERS: ReadonlySet<string> = new Set(["traceparent", "tracestate", "baggage"]);
const PREFIX = "trunkline-h-";
/** When a message was sent, by its sender's clock. */
export const SENT_AT = "trunkline-sent-at";
/** What was left of a call's time then. */
export const TIMEOUT = "trunkline-timeout-ms";
const MONITOR = "trunkline-monitor-ms";
const ATTEMPT = "trunkline-attempt";

/** An AMQP name's own bound. */
const MAX_NAME_BYTES = 255;
/** They go in one frame with all other properties; a broker takes frames of 128 KiB unless told otherwise. */
const MAX_BYTES = 32 * 1024;

/** The last instant that there is in JavaScript. */
const LAST_INSTANT = 8.64e15;

/**
 * The AMQP headers of a message: trace headers under their own names, other headers of the application behind a prefix, and ours.
 * @throws SerializationError with the path `headers` for a name over 255 bytes, more than 32 KiB in all, or a lone surrogate.
 */
export function encodeHeaders(
  headers: Readonly<Record<string, string>>,
  own: OwnHeaders,
): Record<string, string | number> {
  const entries: [string, string | number][] = [];
  for (const [name, value] of Object.entries(headers)) entries.push([wireName(name), value]);
  const { sentAtMs, timeoutMs, monitorMs, attempt } = own;
  if (sentAtMs !== undefined) entries.push([SENT_AT, sentAtMs]);
  if (timeoutMs !== undefined) entries.push([TIMEOUT, timeoutMs]);
  if (monitorMs !== undefined) entries.push([MONITOR, monitorMs]);
  if (attempt !== undefined) entries.push([ATTEMPT, attempt]);
  checkSizes(entries);
  return Object.fromEntries(entries);
}

/** Reads a table of headers, whatever it is. Never throws: a header of the wrong kind is none. */
export function decodeHeaders(table: unknown): ParsedHeaders {
  const headers: [string, string][] = [];
  const own: { -readonly [Name in keyof Omit<ParsedHeaders, "headers">]: ParsedHeaders[Name] } = {};
  for (const [name, value] of isObject(table) ? Object.entries(table) : []) {
    if (typeof value === "string") {
      const applicationName = nameOf(name);
      if (applicationName !== undefined) headers.push([applicationName, value]);
    } else if (typeof value === "number") {
      if (name === SENT_AT && value >= 0 && value <= LAST_INSTANT) own.sentAtMs = value;
      else if (name === TIMEOUT && value >= 0 && value <= LAST_INSTANT) own.timeoutMs = value;
      else if (name === MONITOR && value > 0 && value <= LAST_INSTANT) own.monitorMs = value;
      else if (name === ATTEMPT && value >= 1 && Number.isSafeInteger(value)) own.attempt = value;
    }
  }
  // An entry named `__proto__` becomes an own member.
  return { headers: Object.fromEntries(headers), ...own };
}

/** Whether it travels under its own name. */
export function isTraceHeader(name: string): boolean {
  return TRACE_HEADERS.has(name);
}

function wireName(name: string): string {
  return TRACE_HEADERS.has(name) ? name : PREFIX + name;
}

/** What the application calls it; undefined for a header that is none of the application's. */
function nameOf(wire: string): string | undefined {
  if (TRACE_HEADERS.has(wire)) return wire;
  if (!wire.startsWith(PREFIX)) return undefined;
  const name = wire.slice(PREFIX.length);
  // Nobody writes those behind the prefix.
  return TRACE_HEADERS.has(name) ? undefined : name;
}

function checkSizes(entries: readonly (readonly [string, string | number])[]): void {
  let bytes = 0;
  for (const [name, value] of entries) {
    const nameBytes = Buffer.byteLength(name);
    if (nameBytes > MAX_NAME_BYTES) throw refused(`the name of one is over ${MAX_NAME_BYTES} bytes with its prefix`);
    if (!name.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) {
      throw refused("one has a lone surrogate; repair it with toWellFormed()");
    }
    bytes += nameBytes + (typeof value === "string" ? Buffer.byteLength(value) : 0);
  }
  if (bytes > MAX_BYTES) throw refused(`they are over ${MAX_BYTES} bytes in all; send it in params or context`);
}

function refused(why: string): SerializationError {
  return new SerializationError(`the headers cannot travel: ${why}`, { path: "headers" });
}
