/**
 * Failure documents: how an error travels in a reply (B5), a JSON text of its own.
 *
 * Beside what oslo.messaging knows, ours have a member `trunkline`, which Python passes over and our reader prefers: a
 * failure arrives as it was sent, whatever Python calls it. The stack is in `tb` only; as lines it says the same to both.
 */
import { types } from "node:util";
import { CORE_MODULE, checkValue, type Failure, type Value } from "@trunkline/core/driver";
import { type InnerMessage, isObject } from "./inner-message.js";
import { jsonText } from "./json-text.js";
import { quoted } from "./malformed.js";
import { fromPython, toPython } from "./python-errors.js";
import { MAX_VALUE_DEPTH, parsePythonJson } from "./python-json.js";

/** What a failure document says. */
export interface ReportedFailure {
  readonly failure: Failure;
  /** Set where it is no handler's failure, but says that the request was lost (B12): see {@link writeLost}. */
  readonly lost?: { readonly mayHaveRun: boolean };
}

/** An error's details stand two levels down, in `trunkline`. */
const MAX_DEPTH = MAX_VALUE_DEPTH + 2;

/** What a JSON text cannot hold and is not claimed. */
const NOTHING_ELSE = { binary: false, bigint: false, date: false } as const;

/** The document of a failure. Never throws: details that cannot travel stay at home, as core's do. */
export function writeFailure(failure: Failure): string {
  try {
    return textOf(failure, travelling(failure.details), {});
  } catch {
    return textOf(failure, undefined, {}); // a getter or proxy that changed its mind
  }
}

/** The document by which a caller hears that nobody will answer; a Python caller gets it as a RemoteError. */
export function writeLost(message: string, mayHaveRun: boolean): string {
  return textOf({ type: "ConnectionLostError", module: CORE_MODULE, message }, undefined, { lost: { mayHaveRun } });
}

/**
 * What a document says, given as the text that oslo sends or as the object that others might. Never throws: a caller has to
 * be told, so what cannot be read becomes a failure that says so.
 */
export function readFailure(written: unknown): ReportedFailure {
  const document = typeof written === "string" ? parsed(written) : written;
  if (!isObject(document)) {
    const message = `the server reported a failure that cannot be read: ${quoted(written)}`.toWellFormed();
    return { failure: { type: "Error", message } };
  }
  const own = isObject(document["trunkline"]) ? document["trunkline"] : {};
  const lost = isObject(own["lost"]) ? { mayHaveRun: own["lost"]["mayHaveRun"] !== false } : undefined;
  const failure = {
    ...(ownKind(own) ?? pythonKind(document)),
    message: text(document["message"]) ?? "",
    ...stackOf(document["tb"]),
  };
  return { failure, ...(lost === undefined ? {} : { lost }) };
}

function textOf(failure: Failure, details: Value | undefined, more: object): string {
  const { type, nearest, module, message, stack } = failure;
  const python = toPython(failure, details);
  // Members that are undefined are not written.
  return jsonText({
    class: python.class,
    module: python.module,
    message,
    tb: stack === undefined ? [] : stack.split("\n").map((line) => `${line}\n`),
    args: python.args,
    kwargs: python.kwargs,
    trunkline: { type, nearest, module, details, ...more },
  });
}

/** The details without those members that cannot travel. */
function travelling(details: Value | undefined): Value | undefined {
  if (details === undefined || travels(details)) return details;
  if (!isObject(details) || types.isUint8Array(details) || types.isDate(details)) return undefined;
  const members = Object.entries(details).filter(([, member]) => travels(member));
  // Each was just found to be a value.
  return members.length === 0 ? undefined : (Object.fromEntries(members) as Value);
}

function travels(value: unknown): boolean {
  try {
    checkValue(value, "details", NOTHING_ELSE);
    return true;
  } catch {
    return false;
  }
}

function parsed(document: string): unknown {
  try {
    return parsePythonJson(document, MAX_DEPTH);
  } catch {
    return undefined;
  }
}

function ownKind(own: InnerMessage): Omit<Failure, "message"> | undefined {
  const type = text(own["type"]);
  if (type === undefined || type === "") return undefined;
  const nearest = text(own["nearest"]);
  const module = text(own["module"]);
  return {
    type,
    ...(nearest === undefined ? {} : { nearest }),
    ...(module === undefined ? {} : { module }),
    // What was read from JSON is a value.
    ...(own["details"] === undefined ? {} : { details: own["details"] as Value }),
  };
}

function pythonKind(document: InnerMessage): Omit<Failure, "message"> {
  const kind = fromPython(text(document["class"]) ?? "", text(document["module"]));
  const args = Array.isArray(document["args"]) ? document["args"] : [];
  const kwargs = isObject(document["kwargs"]) ? document["kwargs"] : {};
  const isPlain = args.length === 0 || (args.length === 1 && args[0] === (document["message"] ?? ""));
  if (isPlain && Object.keys(kwargs).length === 0) return kind;
  // What was read from JSON is made of values only.
  return { ...kind, details: { args, kwargs } as Value };
}

/** Lines end in a newline, the last one's is not the stack's; Python's are of several lines each. */
function stackOf(tb: unknown): { readonly stack?: string } {
  const lines = Array.isArray(tb) ? tb.filter((line) => typeof line === "string") : [];
  if (lines.length === 0) return {};
  const joined = lines.map((line) => (line.endsWith("\n") ? line : `${line}\n`)).join("");
  return { stack: joined.slice(0, -1).toWellFormed() };
}

/** Python's strings may hold lone surrogates, as file names do; the texts of a failure are well-formed. */
function text(value: unknown): string | undefined {
  return typeof value === "string" ? value.toWellFormed() : undefined;
}
