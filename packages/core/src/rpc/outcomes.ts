/** Outcomes that the server makes itself, in place of a handler's. */
import { MessageTooLargeError, NotSupportedError, SerializationError } from "../errors.js";
import type { Outcome, Request } from "../seam.js";
import type { Target } from "../target.js";
import type { Refusal } from "./endpoint.js";
import { coreFailure } from "./remote-error.js";
import { DEFAULT_VERSION } from "./version.js";

export type FailedOutcome = Extract<Outcome, { readonly ok: false }>;

/** No endpoint takes the request (B3). */
export function refusalOutcome(refusal: Refusal, request: Request, target: Target): FailedOutcome {
  const where = `server ${JSON.stringify(target.server)} on topic ${JSON.stringify(target.topic)}`;
  const { method, namespace, version = DEFAULT_VERSION } = request;
  const details = { method, version, namespace: namespace ?? null };
  if (refusal.kind === "no-such-method") {
    const inNamespace = namespace === undefined ? "" : ` in namespace ${JSON.stringify(namespace)}`;
    const message = `${where} has no method ${JSON.stringify(method)}${inNamespace} at version ${version}`;
    return { ok: false, failure: coreFailure("NoSuchMethodError", message, details) };
  }
  const message = `${where} has no endpoint ${describeGap(namespace, version, refusal.versions)}`;
  return { ok: false, failure: coreFailure("UnsupportedVersionError", message, details) };
}

function describeGap(namespace: string | undefined, version: string, versions: readonly string[]): string {
  const isAny = versions.length > 0;
  const offer = isAny ? `; it offers ${versions.join(", ")}` : "";
  if (namespace !== undefined) return `for namespace ${JSON.stringify(namespace)} at version ${version}${offer}`;
  return isAny ? `at version ${version}${offer}` : "without a namespace; name one in the client's target";
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
