import { InvalidArgumentError } from "../errors.js";
import { checkMembers, checkSignal } from "../option-checks.js";
import type { Serializer } from "../serializer.js";
import type { Target } from "../target.js";
import type { JsonObject } from "../value.js";
import { checkObject } from "./request.js";
import type { RetryPolicy } from "./retry.js";

/** What a client asks with, unless a call says otherwise. Unknown members are refused. */
export interface ClientOptions {
  /** A call's deadline from the moment of calling, in milliseconds: finite, above 0. @default the transport's `callTimeoutMs` (60 000) */
  readonly timeoutMs?: number;
  /** How long a cast may wait to be accepted, in milliseconds. @default the transport's `sendTimeoutMs` (30 000) */
  readonly sendTimeoutMs?: number;
  /** The highest version that may be asked for (B4). @default no cap */
  readonly versionCap?: string;
  /** Call monitoring (B8): the call fails this long after the server's last beat. @default off */
  readonly monitorMs?: number;
  /** The request context (D1). @default that of the handler which makes the call, else empty */
  readonly context?: JsonObject;
  /** Repeats what certainly did not run and is `retryable`, within the deadline. @default no repeats */
  readonly retry?: RetryPolicy;
  /** Replaces the transport's serializer. */
  readonly serializer?: Serializer;
}

/** What one call or cast may say for itself. Unknown members are refused. */
export interface CallOptions {
  /** As {@link ClientOptions.timeoutMs}; for a cast, as `sendTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Aborting rejects at once with AbortError and, where the manifest claims `cancel`, reaches the handler's signal (B7). */
  readonly signal?: AbortSignal;
  /** As {@link ClientOptions.monitorMs}. Only for calls: a cast has no answer to wait for. */
  readonly monitorMs?: number;
  /** As {@link ClientOptions.context}. */
  readonly context?: JsonObject;
  /** Travels beside the context: trace headers and the like. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A field that is present and undefined is unset; one that is absent is kept. */
export type ClientOverrides = { readonly [K in keyof Target]?: Target[K] | undefined } & {
  readonly [K in keyof ClientOptions]?: ClientOptions[K] | undefined;
};

/** What {@link ClientOptions} may have. */
export const CLIENT_OPTIONS: readonly (keyof ClientOptions)[] = [
  "timeoutMs",
  "sendTimeoutMs",
  "versionCap",
  "monitorMs",
  "context",
  "retry",
  "serializer",
];

const CALL_OPTIONS: readonly (keyof CallOptions)[] = ["timeoutMs", "signal", "monitorMs", "context", "headers"];

/** @throws InvalidArgumentError for an unknown member, or a context that is no plain object; values are checked where they are used. */
export function checkClientOptions(options: ClientOptions): void {
  checkMembers("a client's options", options, CLIENT_OPTIONS);
  if (options.context !== undefined) checkObject("context", options.context);
}

/** @throws InvalidArgumentError for an unknown member, or a signal, context or headers of the wrong kind. */
export function checkCallOptions(options: CallOptions): void {
  checkMembers("the options of a call", options, CALL_OPTIONS);
  const { signal, context, headers } = options;
  if (signal !== undefined) checkSignal(signal);
  if (context !== undefined) checkObject("context", context);
  if (headers !== undefined) checkHeaders(headers);
}

function checkHeaders(headers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(checkObject("headers", headers))) {
    if (typeof value !== "string")
      throw new InvalidArgumentError(`headers.${name} must be a string, got ${typeof value}`);
    if (name !== name.toLowerCase()) {
      throw new InvalidArgumentError(`headers are named in lower case; write ${JSON.stringify(name.toLowerCase())}`);
    }
  }
}
