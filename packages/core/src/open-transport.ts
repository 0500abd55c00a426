import { randomUUID } from "node:crypto";
import { resolveDriver } from "./driver-registry.js";
import { InvalidArgumentError, MessagingError } from "./errors.js";
import { guardLogger } from "./guarded-logger.js";
import { type Clock, type Logger, silentLogger, systemClock } from "./host.js";
import { checkFlag, checkFunction, checkMethods, checkSignal } from "./option-checks.js";
import { type ErrorClass, ErrorRegistry } from "./rpc/remote-error.js";
import { checkTimeout } from "./rpc/request.js";
import { checkErrorClasses } from "./rpc/server-options.js";
import type { Driver, DriverFactory } from "./seam.js";
import { checkSerializer, type Serializer } from "./serializer.js";
import { checkName } from "./target.js";
import { Transport } from "./transport.js";
import { abortError, TransportCore } from "./transport-core.js";
import { parseTransportUrl, withOptions } from "./transport-url.js";

/** How a transport behaves, whatever its driver. All times are in milliseconds; defaults are those of `docs/semantics.md` I. */
export interface TransportOptions {
  /** Drivers to be used for their schemes, before any is looked for among the installed packages. */
  readonly drivers?: readonly DriverFactory[];
  /** The folder or file from which driver packages are resolved, as its own imports would be. @default the working directory */
  readonly resolveFrom?: string;
  /** The exchange of targets that name none (A1). @default the driver's, `default` */
  readonly exchange?: string;
  /** @default 60_000 */
  readonly callTimeoutMs?: number;
  /** How long casts and events wait to be accepted. @default 30_000 */
  readonly sendTimeoutMs?: number;
  /** How long to keep trying a backend that is down (E1). @default 10_000 */
  readonly connectTimeoutMs?: number;
  /** How long a stopping server or listener waits for its handlers (E3). @default 30_000 */
  readonly drainTimeoutMs?: number;
  /** Error classes that are rebuilt when a handler on the other side throws them, by name (B5). @default none */
  readonly errors?: readonly ErrorClass[];
  /** Between the application's values and those that travel. @default none */
  readonly serializer?: Serializer;
  /**
   * Whether what a handler calls inherits its context and deadline (D1, B6), which uses AsyncLocalStorage once the process
   * has a client or notifier. On Node 20 that taxes every promise; `false` switches it off. @default true
   */
  readonly propagate?: boolean;
  /** @default silent */
  readonly logger?: Logger;
  /** @default the process's */
  readonly clock?: Clock;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Ids unique in the world. @default UUIDs */
  readonly newId?: () => string;
  /** Aborts the opening (E1). */
  readonly signal?: AbortSignal;
}

/** What each option is checked by; those that are checked as they are used are only listed. */
const OPTIONS: { readonly [Name in keyof Required<TransportOptions>]: (value: unknown) => void } = {
  drivers: () => {},
  resolveFrom: () => {},
  exchange: (value) => checkName("exchange", value),
  callTimeoutMs: (value) => checkTimeout("callTimeoutMs", value),
  sendTimeoutMs: (value) => checkTimeout("sendTimeoutMs", value),
  connectTimeoutMs: (value) => checkTimeout("connectTimeoutMs", value),
  drainTimeoutMs: (value) => checkTimeout("drainTimeoutMs", value),
  errors: (value) => checkErrorClasses("errors", value),
  serializer: (value) => checkSerializer(value as Serializer), // which looks at each method before it believes that
  propagate: (value) => checkFlag("propagate", value),
  logger: (value) => checkMethods("logger", value, ["debug", "info", "warn", "error"]),
  clock: (value) => checkMethods("clock", value, ["now", "wallNow", "setTimer"]),
  random: (value) => checkFunction("random", value),
  newId: (value) => checkFunction("newId", value),
  signal: checkSignal,
};

/** @throws InvalidArgumentError, or InvalidTargetError for the exchange's name. */
function checkOptions(options: TransportOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new InvalidArgumentError("openTransport's options must be an object such as { callTimeoutMs: 5_000 }");
  }
  const known = Object.keys(OPTIONS);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new InvalidArgumentError(`openTransport has no option "${name}"; it has ${known.join(", ")}`);
  }
  const problems: MessagingError[] = [];
  for (const [name, check] of Object.entries(OPTIONS)) {
    // Every key of OPTIONS is a key of TransportOptions.
    const value = options[name as keyof TransportOptions];
    if (value === undefined) continue;
    try {
      check(value);
    } catch (error) {
      if (!(error instanceof MessagingError)) throw error;
      problems.push(error);
    }
  }
  const [first, ...others] = problems;
  if (first === undefined) return;
  throw others.length === 0 ? first : new InvalidArgumentError(problems.map(({ message }) => message).join("; "));
}

/**
 * Opens the backend that the URL names, and resolves when it answers (E1).
 *
 * `driver[+variant]://[user[:password]@][host[:port][,…]][/realm][?option=value]`: the scheme names the driver, which is one of
 * `options.drivers` or an installed package (`@trunkline/<scheme>`, then `trunkline-driver-<scheme>`).
 *
 * Rejects with InvalidTransportUrlError (with the part), DriverNotFoundError (with what to install), InvalidArgumentError,
 * ConnectError after `connectTimeoutMs`, AuthError, NotSupportedError, AbortError.
 *
 * @example
 * const transport = await openTransport("zmq://");
 */
export async function openTransport(url: string, options: TransportOptions = {}): Promise<Transport> {
  checkOptions(options);
  const { exchange, serializer, signal, drivers, resolveFrom } = options;
  const timeouts = {
    callTimeoutMs: options.callTimeoutMs ?? 60_000,
    sendTimeoutMs: options.sendTimeoutMs ?? 30_000,
    drainTimeoutMs: options.drainTimeoutMs ?? 30_000,
  };
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
  const parsed = parseTransportUrl(url);
  const factory = await resolveDriver(parsed.scheme, { drivers, resolveFrom });
  const resolved = withOptions(parsed, factory);
  const logger = options.logger === undefined ? silentLogger : guardLogger(options.logger);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const newId = options.newId ?? randomUUID;
  if (signal?.aborted === true) throw abortError(signal);
  const driver = await factory.open(resolved, { clock, logger, random, newId }, { connectTimeoutMs, signal });
  const core = new TransportCore({
    driver,
    driverName: factory.name,
    realm: resolved.realm,
    defaultExchange: exchange ?? factory.defaultExchangeOf?.(resolved) ?? factory.defaultExchange ?? "default",
    clock,
    logger,
    newId,
    random,
    timeouts,
    errors: new ErrorRegistry(options.errors ?? []),
    serializer,
    propagates: options.propagate ?? true,
  });
  passOnEvents(driver, core);
  return new Transport(core, resolved);
}

/** One emitter for the application, whoever speaks. */
function passOnEvents(driver: Driver, core: TransportCore): void {
  driver.events.on("status", (event) => core.events.emit("status", event));
  driver.events.on("warning", (event) => {
    core.warn(event.message, event.error);
  });
  driver.events.on("dropped", (event) => core.events.emit("dropped", event));
  driver.events.on("castsLost", (event) => core.events.emit("castsLost", event));
}
