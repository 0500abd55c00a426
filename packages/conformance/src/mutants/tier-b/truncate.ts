import type { DriverFactory, Value } from "@trunkline/core/driver";
import { copied, readingAs } from "./arriving.js";

const LONGEST = 64 * 1024;

/** M31: cuts every text and every run of bytes that arrives after 64 KiB. */
export function truncate(factory: DriverFactory): DriverFactory {
  return readingAs(factory, (value) => copied(value, cut, (members) => Object.fromEntries(members)));
}

function cut(value: Value): Value {
  if (typeof value === "string") return value.slice(0, LONGEST);
  return value instanceof Uint8Array ? value.subarray(0, LONGEST) : value;
}
