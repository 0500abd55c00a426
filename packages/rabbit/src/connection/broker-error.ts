/**
 * What RabbitMQ and the socket say, as errors of the SDK. A closed channel or connection has a reply code of AMQP 0-9-1
 * (section 1.2, "Domains": reply-code); a refused opening has none that the library hands out, only its own fixed text.
 */
import {
  AuthError,
  ClosedError,
  ConnectError,
  ConnectionLostError,
  InvalidTransportUrlError,
  ListenError,
  MessagingError,
} from "@trunkline/core/driver";

/** The reply codes that this driver tells apart. */
export const REPLY_CODE = {
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
} as const;

/** An attempt to connect that failed: what must change for it to succeed. */
export type DialFailure =
  | { readonly trouble: "network"; readonly error: ConnectError }
  | { readonly trouble: "credentials" | "mechanism" | "vhost" | "certificate"; readonly error: AuthError };

const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REVOKED",
  "CERT_REJECTED",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "HOSTNAME_MISMATCH",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** The library's own fixed words for a handshake that the broker ended; its version is pinned, and a test holds them. */
const ENDED_HANDSHAKE = /^Handshake terminated by server: (\d{3})\b/;
const REFUSED_VHOST = /^Expected ConnectionOpenOk; got <ConnectionClose\b/;
const NO_MECHANISM = /^SASL mechanism \S+ is not provided by the server$/;

/** What became of an attempt to connect to `place` (host and port), for `vhost`. */
export function dialFailure(error: unknown, place: string, vhost: string): DialFailure {
  const text = textOf(error);
  const code = codeOf(error);
  const name = JSON.stringify(vhost);
  if (ENDED_HANDSHAKE.exec(text)?.[1] === String(REPLY_CODE.accessRefused)) {
    const message = `rabbit at ${place} refused the credentials; correct user and password in the URL, or the broker's users`;
    return { trouble: "credentials", error: new AuthError(message) };
  }
  if (NO_MECHANISM.test(text)) {
    const message = `rabbit at ${place} does not offer the login mechanism that the URL asks for; choose another, or enable it there`;
    return { trouble: "mechanism", error: new AuthError(message, { cause: error }) };
  }
  if (REFUSED_VHOST.test(text)) {
    const message = `rabbit at ${place} refused the vhost ${name}: it does not exist, is down, or the user may not use it; create it, or set permissions`;
    return { trouble: "vhost", error: new AuthError(message) };
  }
  if (typeof code === "string" && CERTIFICATE_CODES.has(code)) {
    const message = `the certificate of rabbit at ${place} is not to be trusted (${code}); check its host name, and the CA in the URL`;
    return { trouble: "certificate", error: new AuthError(message, { cause: error }) };
  }
  return {
    trouble: "network",
    error: new ConnectError(`rabbit at ${place} cannot be reached: ${text}`, { cause: error }),
  };
}

/** Why a connection that was open has ended, as what is in flight on it is told. */
export function lostConnection(place: string, cause: unknown): ConnectionLostError {
  const why = cause === undefined ? "it was closed" : textOf(cause);
  return new ConnectionLostError(`the connection to rabbit at ${place} was lost: ${why}`, true, { cause });
}

/** The reply code of a closed channel or connection, or undefined where there is none. */
export function replyCode(error: unknown): number | undefined {
  const code = codeOf(error);
  return typeof code === "number" ? code : undefined;
}

/** True where doing the same again cannot succeed until somebody has changed something. */
export function isPermanent(error: unknown): boolean {
  if (error instanceof MessagingError) return !(error instanceof ConnectError || error instanceof ConnectionLostError);
  const code = replyCode(error);
  return code === REPLY_CODE.accessRefused || code === REPLY_CODE.preconditionFailed;
}

/** What a refused operation on `what` is for whoever asked to listen. */
export function listenFailure(what: string, error: unknown): MessagingError {
  if (error instanceof ClosedError || error instanceof AuthError || error instanceof ListenError) return error;
  if (error instanceof InvalidTransportUrlError) return new ListenError(error.message, { cause: error });
  if (replyCode(error) === REPLY_CODE.accessRefused) return permissionError(what, error);
  if (error instanceof ConnectionLostError) return new ConnectError(error.message, { cause: error.cause });
  if (error instanceof MessagingError) return error;
  return new ListenError(`cannot listen on ${what}: ${textOf(error)}`, { cause: error });
}

/** What a refused operation on `what` is for whoever asked to send: the message was not written. */
export function sendFailure(what: string, error: unknown): MessagingError {
  if (error instanceof MessagingError) return error;
  if (replyCode(error) === REPLY_CODE.accessRefused) return permissionError(what, error);
  return new ConnectError(`cannot send to ${what}: ${textOf(error)}`, { cause: error });
}

function permissionError(what: string, cause: unknown): AuthError {
  const words = `rabbit refuses ${what} to this user: ${textOf(cause)}; set its permissions (configure, write, read)`;
  return new AuthError(words, { cause });
}

/** The text of whatever was thrown. */
export function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(textOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
