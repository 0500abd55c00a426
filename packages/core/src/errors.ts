/**
 * Every error of the SDK: one base, one class for each row of the table in `docs/semantics.md` G.
 *
 * Codes are semver, messages are not: branch on `code` or `instanceof`, never on text.
 * Each message says what failed, on what, and what to do.
 */

/** The closed set of codes; `docs/errors.md` has one heading for each. */
export type ErrorCode =
  | "ERR_INVALID_TRANSPORT_URL"
  | "ERR_INVALID_TARGET"
  | "ERR_INVALID_ARGUMENT"
  | "ERR_DRIVER_NOT_FOUND"
  | "ERR_VERSION_CAP"
  | "ERR_SERIALIZATION"
  | "ERR_MESSAGE_TOO_LARGE"
  | "ERR_NOT_SUPPORTED"
  | "ERR_CONNECT"
  | "ERR_AUTH"
  | "ERR_LISTEN"
  | "ERR_UNREACHABLE"
  | "ERR_OVERLOADED"
  | "ERR_CLOSED"
  | "ERR_CONNECTION_LOST"
  | "ERR_TIMEOUT"
  | "ERR_ABORT"
  | "ERR_REMOTE"
  | "ERR_NO_SUCH_METHOD"
  | "ERR_UNSUPPORTED_VERSION"
  | "ERR_VALIDATION";

/** What every error of the SDK may be made with. */
export interface MessagingErrorOptions {
  readonly cause?: unknown;
}

/** The root of everything that the SDK throws or rejects with. */
export abstract class MessagingError extends Error {
  /** Stable: see {@link ErrorCode}. */
  abstract readonly code: ErrorCode;
  /** True only where doing the same again may succeed and nothing has run. */
  readonly retryable: boolean = false;

  constructor(message: string, options?: MessagingErrorOptions) {
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
  }
}

/** The transport URL is wrong; `part` says where (scheme, host, port, realm, credentials, option:<name>). Caller's mistake. */
export class InvalidTransportUrlError extends MessagingError {
  readonly code = "ERR_INVALID_TRANSPORT_URL" as const;
  readonly part: string;
  constructor(message: string, part: string, options?: MessagingErrorOptions) {
    super(message, options);
    this.part = part;
  }
}

/** A Target is incomplete, has a forbidden name, or does not fit the operation (A5, A7). Caller's mistake; nothing was sent. */
export class InvalidTargetError extends MessagingError {
  readonly code = "ERR_INVALID_TARGET" as const;
}

/** An argument or option has a value outside its documented bounds. Caller's mistake; nothing was sent. */
export class InvalidArgumentError extends MessagingError {
  readonly code = "ERR_INVALID_ARGUMENT" as const;
}

/** No driver is registered or installed for the URL's scheme; the message says what to install, or where one was looked for. */
export class DriverNotFoundError extends MessagingError {
  readonly code = "ERR_DRIVER_NOT_FOUND" as const;
  readonly scheme: string;
  constructor(message: string, scheme: string, options?: MessagingErrorOptions) {
    super(message, options);
    this.scheme = scheme;
  }
}

/** The client's version cap forbids the requested version (B4). Nothing was sent; ask `canSend()` first. */
export class VersionCapError extends MessagingError {
  readonly code = "ERR_VERSION_CAP" as const;
  readonly version: string;
  readonly versionCap: string;
  constructor(message: string, version: string, versionCap: string) {
    super(message);
    this.version = version;
    this.versionCap = versionCap;
  }
}

/** A value is outside D2's table; `path` names it. With `remote` the handler ran and its result could not travel (D3). */
export class SerializationError extends MessagingError {
  readonly code = "ERR_SERIALIZATION" as const;
  readonly path: string | undefined;
  readonly remote: boolean;
  constructor(
    message: string,
    options?: MessagingErrorOptions & { readonly path?: string; readonly remote?: boolean },
  ) {
    super(message, options);
    this.path = options?.path;
    this.remote = options?.remote ?? false;
  }
}

/** An encoded message is over the manifest's `maxMessageBytes` (D4). With `remote` it was the reply, and the handler ran. */
export class MessageTooLargeError extends MessagingError {
  readonly code = "ERR_MESSAGE_TOO_LARGE" as const;
  readonly maxMessageBytes: number;
  readonly remote: boolean;
  constructor(
    message: string,
    maxMessageBytes: number,
    options?: MessagingErrorOptions & { readonly remote?: boolean },
  ) {
    super(message, options);
    this.maxMessageBytes = maxMessageBytes;
    this.remote = options?.remote ?? false;
  }
}

/**
 * Asked for something that the open driver's manifest does not claim (H). Nothing was sent and nothing is left open; with
 * `remote` it was the result that holds a kind of value which is not claimed, and the handler ran (D3).
 */
export class NotSupportedError extends MessagingError {
  readonly code = "ERR_NOT_SUPPORTED" as const;
  /** The manifest's key, or a word for a condition of the host (`worker-threads`). */
  readonly capability: string;
  readonly driver: string;
  readonly remote: boolean;
  constructor(
    message: string,
    capability: string,
    driver: string,
    options?: MessagingErrorOptions & { readonly remote?: boolean },
  ) {
    super(message, options);
    this.capability = capability;
    this.driver = driver;
    this.remote = options?.remote ?? false;
  }
}

/** The backend could not be reached within `connectTimeoutMs`. */
export class ConnectError extends MessagingError {
  readonly code = "ERR_CONNECT" as const;
  override readonly retryable = true;
}

/** The backend or the peer refused the credentials (F3). */
export class AuthError extends MessagingError {
  readonly code = "ERR_AUTH" as const;
}

/** Serving or listening could not begin: an occupied address, a runtime directory that cannot be used, a refused subscription. */
export class ListenError extends MessagingError {
  readonly code = "ERR_LISTEN" as const;
}

/** There is no listener for the address (A7). Nothing ran. */
export class UnreachableError extends MessagingError {
  readonly code = "ERR_UNREACHABLE" as const;
  override readonly retryable = true;
}

/** Every listener's credit was used up until the deadline, or the sender's own queue is full (B13). Nothing ran. */
export class OverloadedError extends MessagingError {
  readonly code = "ERR_OVERLOADED" as const;
  override readonly retryable = true;
}

/** The transport, server or listener was closed before or while this was asked (E4). */
export class ClosedError extends MessagingError {
  readonly code = "ERR_CLOSED" as const;
}

/** The peer that held the message is gone (B12): its outcome is unknown, or, with `mayHaveRun` false, it certainly did not run. */
export class ConnectionLostError extends MessagingError {
  readonly code = "ERR_CONNECTION_LOST" as const;
  readonly mayHaveRun: boolean;
  override readonly retryable: boolean;
  constructor(message: string, mayHaveRun: boolean, options?: MessagingErrorOptions) {
    super(message, options);
    this.mayHaveRun = mayHaveRun;
    this.retryable = !mayHaveRun;
  }
}

/** The deadline passed without an outcome (B6, B8): the request may have run. */
export class TimeoutError extends MessagingError {
  readonly code = "ERR_TIMEOUT" as const;
}

/** The caller's AbortSignal fired (B7); `cause` is the signal's reason. */
export class AbortError extends MessagingError {
  readonly code = "ERR_ABORT" as const;
}

/** What a remote error says of itself, as it travels (B5). `details` is the error's own data: a JSON value of D2. */
export interface RemoteErrorFields {
  readonly type: string;
  readonly module?: string;
  readonly stack?: string;
  readonly details?: unknown;
}

/** The handler on the other side threw (B5): `type`, `details` and, unless hidden, `remoteStack` are the remote error's own. */
export class RemoteError extends MessagingError {
  readonly code: "ERR_REMOTE" | "ERR_NO_SUCH_METHOD" | "ERR_UNSUPPORTED_VERSION" | "ERR_VALIDATION" = "ERR_REMOTE";
  /** The remote class's name, such as `RangeError`. Data only: nothing is constructed by it (F2). */
  readonly type: string;
  readonly module: string | undefined;
  readonly details: unknown;
  readonly remoteStack: string | undefined;
  constructor(message: string, fields: RemoteErrorFields, options?: MessagingErrorOptions) {
    super(message, options);
    this.type = fields.type;
    this.module = fields.module;
    this.details = fields.details;
    this.remoteStack = fields.stack;
  }
}

/** Namespace and version fit an endpoint of the server, but none exposes the method (B3). */
export class NoSuchMethodError extends RemoteError {
  override readonly code = "ERR_NO_SUCH_METHOD" as const;
}

/** No endpoint of the server fits the request's namespace and version (B3). */
export class UnsupportedVersionError extends RemoteError {
  override readonly code = "ERR_UNSUPPORTED_VERSION" as const;
}

/** The other side refused the params or the result as not what its contract says. */
export class ValidationError extends RemoteError {
  override readonly code = "ERR_VALIDATION" as const;
}
