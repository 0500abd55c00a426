import type { Value } from "@trunkline/core";
import { UsageError } from "../usage-error.js";
import { findInexactNumber } from "./inexact-number.js";
import { locateJsonError } from "./locate-json-error.js";

/**
 * Parses JSON that a person wrote.
 * @throws UsageError that says where it is broken, line and column from 1, with the place marked below it; likewise for an
 * integer that a double cannot hold, which JSON.parse would change without a word.
 */
export function parseJson(what: string, text: string): Value {
  let value: Value;
  try {
    // JSON.parse makes nothing but JSON values.
    value = JSON.parse(text) as Value;
  } catch (cause) {
    const found = locateJsonError(text);
    if (found === undefined) throw new UsageError(`${what}: not JSON`, undefined, { cause });
    throw new UsageError(
      `${what}: not JSON at ${placeOf(text, found.offset)}: ${found.problem}`,
      excerpt(text, found.offset),
      { cause },
    );
  }
  const inexact = findInexactNumber(text);
  if (inexact !== undefined) {
    const shown = `${inexact.digits} would arrive as ${Number(inexact.digits)}; write it as a string`;
    throw new UsageError(`${what}: at ${placeOf(text, inexact.offset)}: ${shown}`, excerpt(text, inexact.offset));
  }
  return value;
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return `line ${before.split("\n").length}, column ${offset - lineStart + 1}`;
}

/** The line, cut to what is around the place, and a mark below it. */
function excerpt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const lineEnd = text.indexOf("\n", offset);
  const from = Math.max(lineStart, offset - 40);
  const to = Math.min(lineEnd < 0 ? text.length : lineEnd, offset + 30);
  const shown = text.slice(from, to).replace(/\t/g, " ");
  const cut = from > lineStart ? "…" : "";
  return `  ${cut}${shown}\n  ${" ".repeat(cut.length + offset - from)}^`;
}
