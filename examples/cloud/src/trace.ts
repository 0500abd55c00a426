import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Outcome, REFUSALS } from "./refused.js";

export const KINDS = ["boot", "resize", "migrate", "delete"] as const;
export type RequestKind = (typeof KINDS)[number];

/** What a user asks of the cloud: one line of the trace. */
export interface CloudRequest {
  readonly id: string;
  /** When it arrives, in milliseconds from the beginning. */
  readonly atMs: number;
  readonly kind: RequestKind;
  readonly instance: string;
  readonly tenant: string;
  /** Which of a host's two backends: `ceph` or `lvm`. */
  readonly backend: string;
  readonly image: string;
  readonly vcpus: number;
  readonly ramMiB: number;
  readonly diskGiB: number;
  /** How much data of the user's a boot carries. */
  readonly userDataBytes: number;
  /** How it must end. */
  readonly expect: Outcome;
}

/** The trace that comes with the example. */
export const DEFAULT_TRACE: string = fileURLToPath(new URL("../trace/requests.jsonl", import.meta.url));

const TEXTS = ["id", "instance", "tenant", "backend", "image"] as const;
const NUMBERS = ["atMs", "vcpus", "ramMiB", "diskGiB", "userDataBytes"] as const;

/** The trace cannot be used; the message says where and why. */
export class TraceError extends Error {}

/** Reads a trace, one JSON object a line. Rejects with the line where it is no request. */
export async function readTrace(path: string): Promise<readonly CloudRequest[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new TraceError(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.length === 0) throw new TraceError(`${path} holds no request`);
  const requests = lines.map((line, index) => readRequest(line, `${path}:${index + 1}`));
  if (new Set(requests.map(({ id }) => id)).size < requests.length) throw new TraceError(`${path} has an id twice`);
  return requests;
}

function readRequest(line: string, place: string): CloudRequest {
  let request: Readonly<Record<keyof CloudRequest, unknown>>;
  try {
    // Every member is checked before it is used; what is no object has none.
    request = Object(JSON.parse(line)) as Readonly<Record<keyof CloudRequest, unknown>>;
  } catch (cause) {
    throw new TraceError(`${place} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const wrong = [
    ...TEXTS.filter((name) => typeof request[name] !== "string"),
    ...NUMBERS.filter((name) => typeof request[name] !== "number"),
    ...(KINDS.includes(request.kind as RequestKind) ? [] : ["kind"]), // looked up as it is
    ...(["done", ...REFUSALS].includes(String(request.expect)) ? [] : ["expect"]),
  ];
  if (wrong.length > 0) throw new TraceError(`${place} is no request: look at ${wrong.join(", ")}`);
  return request as CloudRequest; // just checked
}
