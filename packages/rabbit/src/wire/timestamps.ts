/** Timestamps of events: oslo.messaging writes naive UTC, as Python's `str(datetime)` does. */
import { SerializationError } from "@trunkline/core/driver";
import { malformed, quoted } from "./malformed.js";

const WRITTEN =
  /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,30}))?(?:[Zz]|([+-])([01]\d|2[0-3]):?([0-5]\d))?$/;

/** Of an instant of the years 0 to 9999; others are longer. */
const ISO_LENGTH = "2026-11-24T02:25:04.525Z".length;

/**
 * `2026-11-24 02:25:04.525000` for `2026-11-24T02:25:04.525Z`: without zone, and without a fraction that is 0.
 * @throws SerializationError for a text that {@link fromOsloTimestamp} could not read either.
 */
export function toOsloTimestamp(iso: string): string {
  const utc = instantOf(iso);
  if (utc === undefined) {
    throw new SerializationError(`timestamp: ${quoted(iso)} is no time in ISO 8601`, { path: "timestamp" });
  }
  const millis = utc.slice(20, 23);
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${millis === "000" ? "" : `.${millis}000`}`;
}

/**
 * The instant in ISO 8601 with milliseconds and `Z`; what is finer is cut off. Without a zone it is UTC.
 * @throws MalformedError for anything but such a text, and for a date that no calendar has.
 */
export function fromOsloTimestamp(text: unknown): string {
  const utc = typeof text === "string" ? instantOf(text) : undefined;
  if (utc !== undefined) return utc;
  throw malformed(`"timestamp" must be a time such as 2026-11-24 02:25:04.525535, got ${quoted(text)}`);
}

function instantOf(text: string): string | undefined {
  const parts = WRITTEN.exec(text);
  if (parts === null) return undefined;
  const [, date, time, fraction = "", sign, hours, minutes] = parts;
  const local = `${date}T${time}.${fraction.slice(0, 3).padEnd(3, "0")}Z`;
  const instant = Date.parse(local);
  // Date.parse takes the 30th of February for a day of March.
  if (isoOf(instant) !== local) return undefined;
  if (sign === undefined) return local;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return isoOf(sign === "+" ? instant - offsetMs : instant + offsetMs);
}

function isoOf(instant: number): string | undefined {
  if (Number.isNaN(instant)) return undefined;
  const iso = new Date(instant).toISOString();
  return iso.length === ISO_LENGTH ? iso : undefined;
}
