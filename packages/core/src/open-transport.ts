import { randomUUID } from "node:crypto";
import { resolveDriver } from "./driver-registry.js";
import { InvalidArgumentError } from "./errors.js";
import { type Clock, type Logger, silentLogger, systemClock } from "./host.js";
import { type ErrorClass, ErrorRegistry } from "./rpc/remote-error.js";
import { checkTimeout } from "./rpc/request.js";
import type { Driver, DriverFactory } from "./seam.js";
import { checkSerializer, type Serializer } from "./serializer.js";
import { checkName } from "./target.js";
import { Transport } from "./transport.js";
import { TransportCore } from "./transport-core.js";
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

const OPTIONS: ReadonlySet<string> = new Set([
  "drivers",
  "resolveFrom",
  "exchange",
  "callTimeoutMs",
  "sendTimeoutMs",
  "connectTimeoutMs",
  "drainTimeoutMs",
  "errors",
  "serializer",
  "propagate",
  "logger",
  "clock",
  "random",
  "newId",
  "signal",
]);

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
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) {
      throw new InvalidArgumentError(`openTransport has no option "${name}"; it has ${[...OPTIONS].join(", ")}`);
    }
  }
  const timeouts = {
    callTimeoutMs: checkTimeout("callTimeoutMs", options.callTimeoutMs ?? 60_000),
    sendTimeoutMs: checkTimeout("sendTimeoutMs", options.sendTimeoutMs ?? 30_000),
    drainTimeoutMs: checkTimeout("drainTimeoutMs", options.drainTimeoutMs ?? 30_000),
  };
  const connectTimeoutMs = checkTimeout("connectTimeoutMs", options.connectTimeoutMs ?? 10_000);
  const exchange = options.exchange === undefined ? undefined : checkName("exchange", options.exchange);
  const serializer = options.serializer === undefined ? undefined : checkSerializer(options.serializer);
  const parsed = parseTransportUrl(url);
  const factory = await resolveDriver(parsed.scheme, {
    ...(options.drivers === undefined ? {} : { drivers: options.drivers }),
    ...(options.resolveFrom === undefined ? {} : { resolveFrom: options.resolveFrom }),
  });
  const resolved = withOptions(parsed, factory);
  const logger = options.logger ?? silentLogger;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const newId = options.newId ?? randomUUID;
  const driver = await factory.open(
    resolved,
    { clock, logger, random, newId },
    { connectTimeoutMs, signal: options.signal },
  );
  const core = new TransportCore({
    driver,
    driverName: factory.name,
    realm: resolved.realm,
    defaultExchange: exchange ?? factory.defaultExchange ?? "default",
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
    core.logger.warn(event.message, { error: event.error });
    core.events.emit("warning", event);
  });
  driver.events.on("dropped", (event) => core.events.emit("dropped", event));
  driver.events.on("castsLost", (event) => core.events.emit("castsLost", event));
}
