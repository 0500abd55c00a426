import type { ErrorCode } from "@trunkline/core";

/** All went as asked. */
export const EXIT_OK = 0;
/** The other side said no, or a conformance case failed. */
export const EXIT_REFUSED = 1;
/** A fault of the command itself. */
export const EXIT_INTERNAL = 70;
export const EXIT_TIMEOUT = 3;
/** Ended by SIGINT, as shells count it; any other signal is 128 and its number. */
export const EXIT_ABORTED = 130;

/** The column "CLI exit" of `docs/semantics.md` G. */
const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  ERR_INVALID_TRANSPORT_URL: 2,
  ERR_INVALID_TARGET: 2,
  ERR_INVALID_ARGUMENT: 2,
  ERR_DRIVER_NOT_FOUND: 2,
  ERR_VERSION_CAP: 2,
  ERR_SERIALIZATION: 2,
  ERR_MESSAGE_TOO_LARGE: 2,
  ERR_NOT_SUPPORTED: 5,
  ERR_CONNECT: 4,
  ERR_AUTH: 4,
  ERR_LISTEN: 4,
  ERR_UNREACHABLE: 4,
  ERR_OVERLOADED: 4,
  ERR_CLOSED: 4,
  ERR_CONNECTION_LOST: 4,
  ERR_TIMEOUT: EXIT_TIMEOUT,
  ERR_ABORT: EXIT_ABORTED,
  ERR_REMOTE: EXIT_REFUSED,
  ERR_NO_SUCH_METHOD: EXIT_REFUSED,
  ERR_UNSUPPORTED_VERSION: EXIT_REFUSED,
  ERR_VALIDATION: EXIT_REFUSED,
};

/**
 * The code of one of the SDK's errors, or undefined for any other. It goes by the code and not by the class, since a driver
 * may bring a copy of core of its own.
 */
export function errorCodeOf(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  // Own keys of the table are exactly the codes.
  return Object.hasOwn(EXIT_CODES, error.code) ? (error.code as ErrorCode) : undefined;
}

export function exitCodeOf(error: unknown): number {
  const code = errorCodeOf(error);
  return code === undefined ? EXIT_INTERNAL : EXIT_CODES[code];
}
