/** Errors as they travel (B5): a thrown thing to a `Failure`, and a `Failure` to what the caller catches. */
import {
  MessageTooLargeError,
  type MessagingError,
  NoSuchMethodError,
  NotSupportedError,
  RemoteError,
  type RemoteErrorFields,
  SerializationError,
  UnsupportedVersionError,
  ValidationError,
} from "../errors.js";
import { checkValue, isPlainObject } from "../kit/payload-check.js";
import { CORE_MODULE, type Failure } from "../seam.js";
import type { Value } from "../value.js";

/** A class whose errors are rebuilt on the caller's side, so that `instanceof` works across processes. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Whether what was thrown is an instance of one of the classes. Never throws. */
export function isOneOf(thrown: unknown, classes: readonly ErrorClass[]): boolean {
  try {
    return classes.some((errorClass) => thrown instanceof errorClass);
  } catch {
    return false; // a Proxy that will not say what it is
  }
}

const EVERYTHING = { binary: true, bigint: true, date: true, driver: "" } as const;

/**
 * Describes whatever a handler threw. Never throws, however odd the thing (a string, a frozen or circular object, a getter
 * that throws): what cannot be read is left out.
 */
export function toFailure(thrown: unknown, exposeStack: boolean): Failure {
  if (!isError(thrown)) return { type: typeName(thrown), message: describeThrown(thrown) };
  const name = read(thrown, "name");
  const className = read(read(thrown, "constructor"), "name");
  const type = typeof name === "string" && name !== "Error" && name !== "" ? name : className;
  const message = read(thrown, "message");
  const stack = exposeStack ? read(thrown, "stack") : undefined;
  const details = readDetails(thrown);
  const module = moduleOf(thrown);
  return {
    type: wellFormed(typeof type === "string" && type !== "" ? type : "Error"),
    ...(module === undefined ? {} : { module }),
    message: wellFormed(typeof message === "string" ? message : ""),
    ...(typeof stack === "string" ? { stack: wellFormed(stack) } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

/** A failure that core itself makes: a request that no endpoint takes, a result that cannot travel. */
export function coreFailure(type: string, message: string, details?: Value): Failure {
  return { type, module: CORE_MODULE, message, ...(details === undefined ? {} : { details }) };
}

/** The error classes that an application registered, by name. Only these are ever rebuilt (F2). */
export class ErrorRegistry {
  readonly #classes: ReadonlyMap<string, ErrorClass>;

  constructor(classes: readonly ErrorClass[]) {
    this.#classes = new Map(classes.map((errorClass) => [errorClass.name, errorClass]));
  }

  /**
   * What the caller of `method` catches. A registered class, of the failure's own name or else of its `nearest`, gets its
   * message and fields back, without its constructor being run; its name is the remote one.
   */
  rebuild(failure: Failure, method: string): Error {
    const fields: RemoteErrorFields = {
      type: failure.type,
      ...(failure.module === undefined ? {} : { module: failure.module }),
      ...(failure.stack === undefined ? {} : { stack: failure.stack }),
      ...(failure.details === undefined ? {} : { details: failure.details }),
    };
    if (failure.module === CORE_MODULE) {
      const own = rebuildOwn(failure, fields);
      if (own !== undefined) return own;
    }
    const { type, nearest } = failure;
    const registered = this.#classes.get(type) ?? (nearest === undefined ? undefined : this.#classes.get(nearest));
    if (registered === undefined)
      return new RemoteError(`${method} failed: ${failure.type}: ${failure.message}`, fields);
    // Reflect.construct of Error with this class as new.target makes an instance of it.
    const error = Reflect.construct(Error, [failure.message], registered) as Error;
    define(error, "name", failure.type);
    for (const [key, value] of membersOf(failure.details)) if (!RESERVED.has(key)) define(error, key, value, true);
    if (failure.stack !== undefined) define(error, "remoteStack", failure.stack);
    return error;
  }
}

/** Own fields that an error has of itself; everything else it carries is its details. */
const RESERVED: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "remoteStack"]);

function rebuildOwn(failure: Failure, fields: RemoteErrorFields): MessagingError | undefined {
  const detail = (name: string): unknown => membersOf(failure.details).find(([key]) => key === name)?.[1];
  switch (failure.type) {
    case "NoSuchMethodError":
      return new NoSuchMethodError(failure.message, fields);
    case "UnsupportedVersionError":
      return new UnsupportedVersionError(failure.message, fields);
    case "ValidationError":
      return new ValidationError(failure.message, fields);
    case "SerializationError": {
      const path = detail("path");
      return new SerializationError(failure.message, { remote: true, ...(typeof path === "string" ? { path } : {}) });
    }
    case "MessageTooLargeError": {
      const limit = detail("maxMessageBytes");
      return new MessageTooLargeError(failure.message, typeof limit === "number" ? limit : 0, { remote: true });
    }
    case "NotSupportedError": {
      const [capability, driver] = [detail("capability"), detail("driver")];
      return new NotSupportedError(failure.message, String(capability ?? ""), String(driver ?? ""), { remote: true });
    }
    default:
      return undefined;
  }
}

function membersOf(details: Value | undefined): [string, unknown][] {
  return typeof details === "object" && details !== null && isPlainObject(details) ? Object.entries(details) : [];
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false; // a Proxy whose getPrototypeOf trap throws is no error that can be read
  }
}

/** A field's value, or undefined where reading it throws. */
function read(object: unknown, key: string): unknown {
  if ((typeof object !== "object" || object === null) && typeof object !== "function") return undefined;
  try {
    return Reflect.get(object, key);
  } catch {
    return undefined; // a getter that throws: the rest of the error is still worth telling
  }
}

function readDetails(error: Error): Value | undefined {
  try {
    const fields = Object.entries(error).filter(([key, value]) => !RESERVED.has(key) && value !== undefined);
    if (fields.length === 0) return undefined;
    const details = Object.fromEntries(fields.filter(([, value]) => travels(value)));
    // Every member was just checked to be a value of D2.
    return Object.keys(details).length === 0 ? undefined : (details as Value);
  } catch {
    return undefined; // fields that cannot be listed are left out
  }
}

function travels(value: unknown): boolean {
  try {
    checkValue(value, "details", EVERYTHING);
    return true;
  } catch {
    return false; // this field stays at home; the error goes without it
  }
}

function moduleOf(error: Error): string | undefined {
  // Core's own errors that a handler passes on keep their kind, but a passed-on RemoteError is still a handler's failure.
  return error instanceof ValidationError ? CORE_MODULE : undefined;
}

function typeName(thrown: unknown): string {
  if (thrown === null) return "null";
  if (typeof thrown !== "object") return typeof thrown;
  const name = read(read(thrown, "constructor"), "name");
  return typeof name === "string" && name !== "" ? wellFormed(name) : "object";
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === "string") return wellFormed(thrown);
  if (typeof thrown === "object" && thrown !== null) {
    const message = read(thrown, "message");
    return typeof message === "string" ? wellFormed(message) : "a thing that is no Error was thrown";
  }
  return String(thrown);
}

function wellFormed(text: string): string {
  return text.toWellFormed();
}
