/** Outcomes that the server makes itself, in place of a handler's. */
import { MessageTooLargeError, NotSupportedError, SerializationError } from "../errors.js";
import type { Outcome, Request } from "../seam.js";
import type { Target } from "../target.js";
import { coreFailure } from "./remote-error.js";
import { DEFAULT_VERSION } from "./version.js";

export type FailedOutcome = Extract<Outcome, { readonly ok: false }>;

/** No endpoint takes the request (B3). */
export function refusalOutcome(
  kind: "no-such-method" | "unsupported-version",
  request: Request,
  target: Target,
): FailedOutcome {
  const where = `server ${JSON.stringify(target.server)} on topic ${JSON.stringify(target.topic)}`;
  const namespace =
    request.namespace === undefined ? "the null namespace" : `namespace ${JSON.stringify(request.namespace)}`;
  const version = request.version ?? DEFAULT_VERSION;
  const details = { method: request.method, version, namespace: request.namespace ?? null };
  const message =
    kind === "no-such-method"
      ? `${where} has no method ${JSON.stringify(request.method)} in ${namespace} at version ${version}`
      : `${where} has no endpoint for ${namespace} at version ${version}`;
  const type = kind === "no-such-method" ? "NoSuchMethodError" : "UnsupportedVersionError";
  return { ok: false, failure: coreFailure(type, message, details) };
}

/** What a caller gets in place of an outcome that could not be encoded (D3, D4). */
export function untravelledOutcome(method: string, error: unknown): FailedOutcome {
  const reason = error instanceof Error ? error.message : String(error);
  const message = `the result of ${method} could not travel: ${reason}`.toWellFormed();
  if (error instanceof MessageTooLargeError) {
    return {
      ok: false,
      failure: coreFailure("MessageTooLargeError", message, { maxMessageBytes: error.maxMessageBytes }),
    };
  }
  if (error instanceof NotSupportedError) {
    const { capability, driver } = error;
    return { ok: false, failure: coreFailure("NotSupportedError", message, { capability, driver }) };
  }
  const path = error instanceof SerializationError ? error.path : undefined;
  return { ok: false, failure: coreFailure("SerializationError", message, path === undefined ? undefined : { path }) };
}

/** The server's serializer refused the params or the result. */
export function serializerOutcome(what: string, error: unknown): FailedOutcome {
  const reason = error instanceof Error ? error.message : String(error);
  return { ok: false, failure: coreFailure("SerializationError", `${what}: ${reason}`.toWellFormed()) };
}
