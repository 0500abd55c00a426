import { type CallScope, callScope } from "../call-scope.js";
import {
  InvalidArgumentError,
  InvalidTargetError,
  SerializationError,
  TimeoutError,
  VersionCapError,
} from "../errors.js";
import type { PayloadLimits } from "../kit/payload-check.js";
import { checkMembers } from "../option-checks.js";
import { requireCapability } from "../refusal.js";
import type { Address, Receipt } from "../seam.js";
import { checkSerializer, type Serializer } from "../serializer.js";
import { checkName, checkTarget, isTargetField, TARGET_FIELDS, type Target } from "../target.js";
import { describeAddress, type TransportCore } from "../transport-core.js";
import type { JsonObject, Value } from "../value.js";
import {
  type CallOptions,
  CLIENT_OPTIONS,
  type ClientOptions,
  type ClientOverrides,
  checkCallOptions,
  checkClientOptions,
} from "./client-options.js";
import { PendingCall } from "./pending-call.js";
import { checkMonitor, checkObject, checkTimeout, EMPTY_CONTEXT, EMPTY_HEADERS, RpcRequest } from "./request.js";
import { type RetryPolicy, resolveRetry, withRetries } from "./retry.js";
import { DEFAULT_VERSION, isCompatible, parseVersion } from "./version.js";

const OVERRIDABLE: readonly string[] = [...TARGET_FIELDS, ...CLIENT_OPTIONS];

/** Of one client no more method names than this are remembered as checked. */
const REMEMBERED_METHODS = 1_024;

/**
 * Calls and casts to one target. Cheap, stateless for its user, safe to use concurrently; made by `transport.client` and `to`.
 *
 * @see docs/semantics.md B
 */
export class RpcClient {
  readonly #core: TransportCore;
  readonly #options: ClientOptions;
  readonly #address: Address;
  readonly #fanoutAddress: Address | undefined;
  readonly #checkedMethods: Set<string> = new Set();
  readonly #timeoutMs: number;
  readonly #sendTimeoutMs: number;
  readonly #monitorMs: number | undefined;
  readonly #serializer: Serializer | undefined;
  readonly #isWithinCap: boolean;
  readonly #retry: Required<RetryPolicy> | undefined;
  /** What this client addresses. */
  readonly target: Target;

  /** @internal */
  constructor(core: TransportCore, target: Target, options: ClientOptions) {
    const { driverName, capabilities } = core;
    requireCapability(capabilities, driverName, "rpc", "a client");
    this.target = checkTarget(target);
    if (this.target.topic === undefined) throw new InvalidTargetError("a client's target needs a topic");
    if (this.target.version !== undefined) parseVersion("target.version", this.target.version);
    if (this.target.server !== undefined) {
      requireCapability(capabilities, driverName, "serverDirected", "a target that names a server");
    }
    if (this.target.fanout === true) requireCapability(capabilities, driverName, "fanout", "a fanout target");
    checkClientOptions(options);
    this.#core = core;
    this.#options = options;
    this.#timeoutMs = checkTimeout("timeoutMs", options.timeoutMs ?? core.timeouts.callTimeoutMs);
    this.#sendTimeoutMs = checkTimeout("sendTimeoutMs", options.sendTimeoutMs ?? core.timeouts.sendTimeoutMs);
    this.#monitorMs = checkMonitor(options.monitorMs, capabilities, driverName);
    if (options.versionCap !== undefined) parseVersion("versionCap", options.versionCap);
    this.#serializer = options.serializer === undefined ? core.serializer : checkSerializer(options.serializer);
    this.#retry = resolveRetry(options.retry);
    this.#isWithinCap = this.canSend();
    const { exchange, topic, server, fanout } = this.target;
    this.#address = core.address(exchange, topic, server, fanout);
    this.#fanoutAddress = server === undefined ? core.address(exchange, topic, undefined, true) : undefined;
    if (core.propagates) callScope.want();
  }

  /**
   * Sends one request and resolves with the result of exactly one server (B1).
   *
   * `params` is a JSON object (D2), encoded before `call` returns; the result any value of D2. The deadline runs from this
   * call, and inside a handler is never later than the handler's own (B6).
   *
   * Rejects with TimeoutError (it may have run), UnreachableError, OverloadedError, ConnectionLostError, RemoteError (of it
   * NoSuchMethodError, UnsupportedVersionError) or a registered class, AbortError, ClosedError, VersionCapError,
   * SerializationError, MessageTooLargeError, InvalidArgumentError, InvalidTargetError, NotSupportedError. It never throws.
   */
  call<Result = Value>(method: string, params?: object, options?: CallOptions): Promise<Result> {
    try {
      if (this.target.fanout === true) {
        throw new InvalidTargetError(
          "a call has one answer and cannot go to a fanout target; use cast, or leave out `fanout`",
        );
      }
      // The application says what type it expects of the other side; nothing here can know better.
      return this.#call(method, params, options) as Promise<Result>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends one request to one server, and resolves when responsibility was taken as the manifest's `acceptance.casts` says (B2);
   * it never waits for the handler. On a client whose target is a fanout, as {@link fanout}.
   *
   * Rejects as {@link call} does, but for what only a handler can say.
   */
  cast(method: string, params?: object, options?: CallOptions): Promise<Receipt> {
    return this.#cast(this.#address, method, params, options);
  }

  /**
   * Sends one request to every server that listens on the topic now (A4). Resolves with how many accepted it and how many
   * were found dead; to nobody it succeeds with 0 and 0.
   */
  fanout(method: string, params?: object, options?: CallOptions): Promise<Receipt> {
    try {
      requireCapability(this.#core.capabilities, this.#core.driverName, "fanout", "fanout()");
      if (this.#fanoutAddress === undefined) {
        throw new InvalidTargetError(
          "fanout() reaches every server; this client's target names one: use to({ server: undefined })",
        );
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#cast(this.#fanoutAddress, method, params, options);
  }

  /** A client with some of its target or options replaced; this one is unchanged. */
  to(overrides: ClientOverrides): RpcClient {
    if (typeof overrides !== "object" || overrides === null) {
      throw new InvalidArgumentError("to() takes an object of target fields and client options");
    }
    checkMembers("to()", overrides, OVERRIDABLE);
    const target: Record<string, unknown> = { ...this.target };
    const options: Record<string, unknown> = { ...this.#options };
    for (const [key, value] of Object.entries(overrides)) {
      const part = isTargetField(key) ? target : options;
      if (value === undefined) delete part[key];
      else part[key] = value;
    }
    // The fields were sorted by name just now, and both halves are checked by the constructor.
    return new RpcClient(this.#core, target as Target, options as ClientOptions);
  }

  /** Whether a request at `version` (default: the target's, else 1.0) is within this client's cap (B4). */
  canSend(version: string = this.target.version ?? DEFAULT_VERSION): boolean {
    const cap = this.#options.versionCap;
    const requested = parseVersion("version", version);
    return cap === undefined || isCompatible(requested, parseVersion("versionCap", cap));
  }

  #call(method: string, params: object | undefined, options: CallOptions | undefined): Promise<unknown> {
    const core = this.#core;
    core.checkOpen("call");
    if (options !== undefined) checkCallOptions(options);
    const scope = this.#scope();
    const context = this.#contextOf(options, scope);
    const request = this.#request(method, params, options, context);
    const monitorMs =
      options?.monitorMs === undefined
        ? this.#monitorMs
        : checkMonitor(options.monitorMs, core.capabilities, core.driverName);
    const now = core.clock.now();
    const own = now + this.#timeoutOf(options?.timeoutMs, this.#timeoutMs);
    const until = scope?.until !== undefined && scope.until < own ? scope.until : own;
    if (until <= now) {
      const what = `${method} on ${describeAddress(this.#address)}`;
      throw new TimeoutError(`${what}: the deadline of the handler that calls it has passed; nothing was sent`);
    }
    const signal = options?.signal;
    const serializer = this.#serializer;
    const reply = serializer === undefined ? undefined : { serializer, context };
    if (this.#retry === undefined) {
      return PendingCall.start(core, this.#address, request, until, now, monitorMs, signal, reply);
    }
    const snapshot = request.snapshot(this.#limits());
    return withRetries(core, this.#retry, until, signal, () =>
      PendingCall.start(core, this.#address, snapshot.again(), until, core.clock.now(), monitorMs, signal, reply),
    );
  }

  #cast(
    address: Address,
    method: string,
    params: object | undefined,
    options: CallOptions | undefined,
  ): Promise<Receipt> {
    try {
      const core = this.#core;
      core.checkOpen("cast");
      if (options !== undefined) checkCallOptions(options);
      if (options?.monitorMs !== undefined) {
        throw new InvalidArgumentError("monitorMs is for calls: a cast has no answer to wait for; leave it out");
      }
      const request = this.#request(method, params, options, this.#contextOf(options, this.#scope()));
      const now = core.clock.now();
      const until = now + this.#timeoutOf(options?.timeoutMs, this.#sendTimeoutMs);
      const signal = options?.signal;
      if (this.#retry === undefined) return core.send(address, request, until, now, signal);
      const snapshot = request.snapshot(this.#limits());
      return withRetries(core, this.#retry, until, signal, () =>
        core.send(address, snapshot.again(), until, core.clock.now(), signal),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #scope(): CallScope | undefined {
    return this.#core.propagates ? callScope.current() : undefined;
  }

  #contextOf(options: CallOptions | undefined, scope: CallScope | undefined): JsonObject {
    return options?.context ?? this.#options.context ?? scope?.context ?? EMPTY_CONTEXT;
  }

  #limits(): PayloadLimits {
    const { binary, bigint, date } = this.#core.capabilities;
    return { binary, bigint, date, driver: this.#core.driverName };
  }

  #request(
    method: string,
    params: object | undefined,
    options: CallOptions | undefined,
    context: JsonObject,
  ): RpcRequest {
    if (!this.#isWithinCap) this.#refuseVersion();
    if (!this.#checkedMethods.has(method)) this.#checkMethod(method);
    const plain = params === undefined ? EMPTY_CONTEXT : checkObject("params", params);
    const serializer = this.#serializer;
    const { namespace, version } = this.target;
    const headers = options?.headers ?? EMPTY_HEADERS;
    const { newId } = this.#core;
    if (serializer === undefined) return new RpcRequest(method, plain, namespace, version, context, headers, newId);
    const [serialized, wireContext] = serialize(serializer, method, plain, context);
    return new RpcRequest(method, serialized, namespace, version, wireContext, headers, newId);
  }

  #timeoutOf(asked: number | undefined, fallback: number): number {
    return asked === undefined ? fallback : checkTimeout("timeoutMs", asked);
  }

  #checkMethod(method: string): void {
    if (typeof method !== "string")
      throw new InvalidArgumentError(`a method is called by its name, got ${typeof method}`);
    try {
      checkName("method", method);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
    if (this.#checkedMethods.size >= REMEMBERED_METHODS) this.#checkedMethods.clear();
    this.#checkedMethods.add(method);
  }

  #refuseVersion(): never {
    const version = this.target.version ?? DEFAULT_VERSION;
    const cap = this.#options.versionCap ?? "";
    throw new VersionCapError(
      `version ${version} is above this client's cap ${cap}; ask canSend() first, or call an older version`,
      version,
      cap,
    );
  }
}

/** @throws SerializationError whatever the application's serializer throws. */
function serialize(
  serializer: Serializer,
  method: string,
  params: JsonObject,
  context: JsonObject,
): [JsonObject, JsonObject] {
  try {
    const value = serializer.serializeValue(params, context);
    return [
      checkObject("serialized params", value),
      checkObject("serialized context", serializer.serializeContext(context)),
    ];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SerializationError(`the params of ${method} could not be serialized: ${reason}`, { cause });
  }
}
