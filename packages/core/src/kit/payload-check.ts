import { types } from "node:util";
import type { MessagingError } from "../errors.js";
import { InvalidArgumentError, NotSupportedError, SerializationError } from "../errors.js";
import type { JsonObject } from "../value.js";

/** How deep arrays and objects may nest (D2); the outermost is 1. */
export const MAX_DEPTH = 1000;

/** Which of D2's optional kinds may travel, and who says so. Absent means allowed. */
export interface PayloadLimits {
  /** @default true */
  readonly binary?: boolean | undefined;
  /** @default true */
  readonly bigint?: boolean | undefined;
  /** @default true */
  readonly date?: boolean | undefined;
  /** The driver's name, for the error. @default "this driver" */
  readonly driver?: string | undefined;
}

/**
 * Returns if the value may travel (D2), for drivers whose wire format does not check while it encodes (`ValueWriter` does).
 *
 * One walk, and nothing is tracked in it; only a value that is refused is walked again, to say where. Members that are
 * `undefined`, symbol keys and what is not enumerable are passed over; a getter counts as the value that it gives.
 *
 * @param root what the paths of errors begin with: `params`, `payload`, `context`.
 * @throws SerializationError with `path`, such as `params.disks[2].size`.
 * @throws NotSupportedError for bytes, a bigint or a Date that `allow` does not claim.
 */
export function checkValue(value: unknown, root: string, allow: PayloadLimits): void {
  let fault: unknown;
  try {
    if (fits(value, 0, allow)) return;
  } catch (error) {
    fault = error; // a getter threw
  }
  throw explainRefusal(value, root, allow) ?? refusalWithoutPath(root, fault);
}

/**
 * Returns the params if they are a plain object, `{}` for `undefined` (B1). Their members are for {@link checkValue}.
 * @throws InvalidArgumentError for anything else: an array, a string, null, an instance of a class.
 */
export function checkParams(params: unknown): JsonObject {
  if (params === undefined) return {};
  if (typeof params !== "object" || params === null || Array.isArray(params) || !isPlainObject(params)) {
    throw new InvalidArgumentError(
      `params must be a plain object such as { id: 1 }, got ${describeKind(params)}; wrap it: { value: … }`,
    );
  }
  return params as JsonObject; // its members are checked when it is encoded
}

/** True for an object literal, of this realm or another, or an object without a prototype. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isForeignObjectPrototype(prototype);
}

/** True for an array that is no instance of a subclass; that of another realm is one too. */
export function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Every realm's Array.prototype is itself an array, and the prototype of a subclass is not.
  return prototype === Array.prototype || Array.isArray(prototype);
}

/** True for a Date that is no instance of a subclass. */
export function isPlainDate(value: object): value is Date {
  if (!types.isDate(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Date.prototype) return true;
  if (typeof prototype !== "object" || prototype === null) return false;
  return isForeignObjectPrototype(Object.getPrototypeOf(prototype));
}

function isForeignObjectPrototype(prototype: unknown): boolean {
  return (
    typeof prototype === "object" &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf")
  );
}

function fits(value: unknown, depth: number, allow: PayloadLimits): boolean {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
    case "undefined":
      return true;
    case "bigint":
      return allow.bigint !== false;
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) {
    if (depth >= MAX_DEPTH || !isPlainArray(value)) return false;
    const length = value.length;
    for (let i = 0; i < length; i++) if (!fits(value[i], depth + 1, allow)) return false;
    return true;
  }
  if (isPlainObject(value)) {
    if (depth >= MAX_DEPTH) return false;
    for (const key of Object.keys(value)) {
      if (!key.isWellFormed()) return false;
      if (!fits((value as Record<string, unknown>)[key], depth + 1, allow)) return false; // it is an object, and the key its own
    }
    return true;
  }
  if (types.isUint8Array(value)) return allow.binary !== false;
  return isPlainDate(value) && allow.date !== false && !Number.isNaN(value.getTime());
}

/** So that a value which shares its parts without end is not walked without end. */
const MAX_STEPS = 20_000_000;

/**
 * Walks a refused value once more and returns the error that names the first part that cannot travel, or undefined where
 * none is found (a getter gave something else this time, or the fault was no fault of the value).
 */
export function explainRefusal(value: unknown, root: string, allow: PayloadLimits): MessagingError | undefined {
  return new Explanation(root, allow).of(value);
}

/** For a refusal that the second walk could not find again. */
export function refusalWithoutPath(root: string, cause: unknown): MessagingError {
  return new SerializationError(`${root}: it cannot travel, and changes while it is read (a getter or a proxy)`, {
    path: root,
    ...(cause === undefined ? {} : { cause }),
  });
}

class Explanation {
  readonly #root: string;
  readonly #allow: PayloadLimits;
  readonly #steps: (string | number)[] = [];
  readonly #ancestors: Map<object, number> = new Map();
  #visited = 0;

  constructor(root: string, allow: PayloadLimits) {
    this.#root = root;
    this.#allow = allow;
  }

  of(value: unknown): MessagingError | undefined {
    if (++this.#visited > MAX_STEPS) return undefined;
    switch (typeof value) {
      case "string":
        return value.isWellFormed() ? undefined : this.#refuse(LONE_SURROGATE);
      case "number":
        return Number.isFinite(value) ? undefined : this.#refuse(`${value} cannot travel; a number must be finite`);
      case "boolean":
      case "undefined":
        return undefined;
      case "bigint":
        return this.#allow.bigint === false ? this.#unclaimed("bigint", "a bigint", "a string") : undefined;
      case "object":
        return value === null ? undefined : this.#ofObject(value);
      default:
        return this.#refuse(`${describeKind(value)} cannot travel; leave it out`);
    }
  }

  #ofObject(value: object): MessagingError | undefined {
    const isArray = Array.isArray(value);
    if (isArray ? isPlainArray(value) : isPlainObject(value)) {
      const ancestor = this.#ancestors.get(value);
      if (ancestor !== undefined) {
        return this.#refuse(`a cycle cannot travel: this is ${this.#path(ancestor)} again`);
      }
      if (this.#steps.length >= MAX_DEPTH) {
        return this.#refuse(`it is nested more than ${MAX_DEPTH} deep; flatten it`);
      }
      this.#ancestors.set(value, this.#steps.length);
      const found = isArray ? this.#ofMembers(value, value.keys()) : this.#ofMembers(value, Object.keys(value));
      this.#ancestors.delete(value);
      return found;
    }
    if (types.isUint8Array(value)) {
      return this.#allow.binary === false ? this.#unclaimed("binary", "a Uint8Array", "a string in base64") : undefined;
    }
    if (isPlainDate(value)) {
      if (this.#allow.date === false) return this.#unclaimed("date", "a Date", "its toISOString()");
      return Number.isNaN(value.getTime()) ? this.#refuse("an invalid Date cannot travel") : undefined;
    }
    return this.#refuse(`${describeKind(value)} cannot travel; send a plain object or an array made from it`);
  }

  #ofMembers(holder: object, keys: Iterable<string | number>): MessagingError | undefined {
    for (const key of keys) {
      this.#steps.push(key);
      let member: unknown;
      try {
        member = (holder as Record<string | number, unknown>)[key]; // it is an object, and the key its own
      } catch (error) {
        return this.#refuse(`reading it threw ${describeError(error)}`, error);
      }
      const found =
        typeof key === "string" && !key.isWellFormed() ? this.#refuse(`as a key, ${LONE_SURROGATE}`) : this.of(member);
      if (found !== undefined) return found;
      this.#steps.pop();
    }
    return undefined;
  }

  #path(steps: number = this.#steps.length): string {
    let path = this.#root;
    for (const step of this.#steps.slice(0, steps)) {
      if (path.length > MAX_PATH) return `${path}…`;
      if (typeof step === "number") path += `[${step}]`;
      else path += IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step.slice(0, MAX_PATH))}]`;
    }
    return path;
  }

  #refuse(why: string, cause?: unknown): SerializationError {
    const path = this.#path();
    return new SerializationError(`${path}: ${why}`, { path, ...(cause === undefined ? {} : { cause }) });
  }

  #unclaimed(capability: "binary" | "bigint" | "date", kind: string, instead: string): NotSupportedError {
    const driver = this.#allow.driver ?? "this driver";
    return new NotSupportedError(
      `${this.#path()}: ${kind} cannot travel over ${driver}, which does not claim "${capability}"; send ${instead} instead`,
      capability,
      driver,
    );
  }
}

const LONE_SURROGATE = "a string with a lone surrogate cannot travel; repair it with toWellFormed()";
const MAX_PATH = 200;
const IDENTIFIER = /^[A-Za-z_$][\w$]{0,99}$/;

function describeKind(value: unknown): string {
  switch (typeof value) {
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    case "object":
      break;
    default:
      return value === undefined ? "undefined" : `a ${typeof value}`;
  }
  if (value === null) return "null";
  const name = classNameOf(value);
  if (Array.isArray(value)) return name === "Array" ? "an array" : `an array of class ${name}`;
  return name === undefined ? "an instance of a class" : `an instance of ${name}`;
}

function classNameOf(value: object): string | undefined {
  try {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name; // read with care: it may be anything
    return typeof name === "string" && name.length > 0 && name.length <= 100 ? name : undefined;
  } catch {
    return undefined; // a getter or proxy that throws has no name worth telling
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : describeKind(error);
}
