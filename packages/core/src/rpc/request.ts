import type { Capabilities } from "../capabilities.js";
import { InvalidArgumentError } from "../errors.js";
import { checkValue, isPlainObject, type PayloadLimits } from "../kit/payload-check.js";
import { describeGiven } from "../option-checks.js";
import { requireCapability } from "../refusal.js";
import type { Request } from "../seam.js";
import type { JsonObject } from "../value.js";

export const EMPTY_CONTEXT: JsonObject = Object.freeze({});
export const EMPTY_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** The longest timeout: what a timer can hold, about 24 days. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** A request as core hands it to the driver. Its id is made when a driver asks for it. */
export class RpcRequest implements Request {
  readonly kind = "request" as const;
  readonly method: string;
  readonly params: JsonObject;
  readonly namespace: string | undefined;
  readonly version: string | undefined;
  readonly context: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly #newId: () => string;
  #id: string | undefined;

  constructor(
    method: string,
    params: JsonObject,
    namespace: string | undefined,
    version: string | undefined,
    context: JsonObject,
    headers: Readonly<Record<string, string>>,
    newId: () => string,
  ) {
    this.method = method;
    this.params = params;
    this.namespace = namespace;
    this.version = version;
    this.context = context;
    this.headers = headers;
    this.#newId = newId;
    this.#id = undefined;
  }

  get id(): string {
    this.#id ??= this.#newId();
    return this.#id;
  }

  /** The same request under an id of its own, for a repeat: a server knows one that comes again by its id (B10). */
  again(): RpcRequest {
    const { method, params, namespace, version, context, headers } = this;
    return new RpcRequest(method, params, namespace, version, context, headers, this.#newId);
  }

  /**
   * A copy that later changes to the application's values do not reach (D2), for what is sent more than once.
   * @throws SerializationError, NotSupportedError as the driver would for what cannot travel.
   */
  snapshot(limits: PayloadLimits): RpcRequest {
    const { method, params, namespace, version, context, headers } = this;
    const copies = [copyOf(params, "params", limits), copyOf(context, "context", limits)] as const;
    return new RpcRequest(method, copies[0], namespace, version, copies[1], { ...headers }, this.#newId);
  }
}

function copyOf(value: JsonObject, root: string, limits: PayloadLimits): JsonObject {
  checkValue(value, root, limits);
  return structuredClone(value);
}

/** @throws InvalidArgumentError unless finite and above 0 (B6). */
export function checkTimeout(name: string, timeoutMs: unknown): number {
  if (typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= LONGEST_TIMEOUT_MS) return timeoutMs;
  throw new InvalidArgumentError(
    `${name} must be a number of milliseconds above 0 and at most ${LONGEST_TIMEOUT_MS}, got ${describeGiven(timeoutMs)}`,
  );
}

/** @throws InvalidArgumentError, and NotSupportedError where the manifest does not claim `callMonitor`. */
export function checkMonitor(
  monitorMs: number | undefined,
  capabilities: Capabilities,
  driver: string,
): number | undefined {
  if (monitorMs === undefined) return undefined;
  requireCapability(capabilities, driver, "callMonitor", "call monitoring (monitorMs)");
  return checkTimeout("monitorMs", monitorMs);
}

/** @throws InvalidArgumentError unless it is a plain object; its members are checked when it is encoded (D2). */
export function checkObject(name: string, value: unknown): JsonObject {
  if (typeof value === "object" && value !== null && isPlainObject(value)) return value as JsonObject; // members are checked by the codec
  const kind = value === null ? "null" : Array.isArray(value) ? "an array" : kindOf(value);
  throw new InvalidArgumentError(`${name} must be a plain object such as { id: 1 }, got ${kind}`);
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object of a class";
}
