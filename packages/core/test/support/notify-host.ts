import type { Capabilities } from "../../src/capabilities.js";
import { type Logger, silentLogger, systemClock } from "../../src/host.js";
import type { NotifyHost } from "../../src/notify/ports.js";
import { notifyHost } from "../../src/notify/transport-host.js";
import { ErrorRegistry } from "../../src/rpc/remote-error.js";
import type { Serializer } from "../../src/serializer.js";
import { deferred } from "../../src/testing/deferred.js";
import type { ManualClock } from "../../src/testing/manual-clock.js";
import { type HandlerErrorReport, TransportCore } from "../../src/transport-core.js";
import { parseTransportUrl } from "../../src/transport-url.js";
import { LoopbackBus, type LoopbackDriver, loopbackFactory } from "./loopback-driver.js";

export interface TestHost {
  readonly host: NotifyHost;
  readonly core: TransportCore;
  readonly driver: LoopbackDriver;
  readonly failures: HandlerErrorReport[];
  readonly warnings: { readonly message: string; readonly error?: unknown }[];
  close(): Promise<void>;
}

export interface TestHostOptions {
  readonly bus?: LoopbackBus;
  readonly capabilities?: Partial<Capabilities>;
  readonly eventContextKeys?: readonly string[];
  readonly clock?: ManualClock;
  readonly logger?: Logger;
  readonly serializer?: Serializer;
}

let ids = 0;

/** A transport's insides over the loopback driver, as notifiers and listeners get them. */
export async function openHost(options: TestHostOptions = {}): Promise<TestHost> {
  const { bus = new LoopbackBus(), capabilities = {}, eventContextKeys } = options;
  const factory = loopbackFactory(bus, capabilities, eventContextKeys);
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  const newId = (): string => `id-${++ids}`;
  await factory.open(
    parseTransportUrl("loopback://"),
    { clock, logger, random: Math.random, newId },
    { connectTimeoutMs: 1 },
  );
  const [driver] = factory.opened;
  if (driver === undefined) throw new Error("the driver was not opened");
  const core = new TransportCore({
    driver,
    driverName: "loopback",
    realm: "",
    defaultExchange: "default",
    clock,
    logger,
    newId,
    random: Math.random,
    timeouts: { callTimeoutMs: 60_000, sendTimeoutMs: 30_000, drainTimeoutMs: 30_000 },
    errors: new ErrorRegistry([]),
    serializer: options.serializer,
    propagates: true,
  });
  const failures: HandlerErrorReport[] = [];
  const warnings: { readonly message: string; readonly error?: unknown }[] = [];
  core.events.on("handlerError", (failure) => failures.push(failure));
  core.events.on("warning", (warning) => warnings.push(warning));
  return { host: notifyHost(core), core, driver, failures, warnings, close: () => driver.close() };
}

/** What arrived, and a promise for the time when `count` of it has. */
export class Inbox<Item> {
  readonly items: Item[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  add(item: Item): void {
    this.items.push(item);
    for (const { count, resolve } of this.#waiting) if (this.items.length >= count) resolve();
  }

  async take(count: number): Promise<readonly Item[]> {
    const { promise, resolve, reject } = deferred();
    const deadline = setTimeout(
      () => reject(new Error(`waited for ${count}, got ${JSON.stringify(this.items)}`)),
      5_000,
    );
    this.#waiting.push({ count, resolve });
    if (this.items.length >= count) resolve();
    await promise.finally(() => clearTimeout(deadline));
    return this.items;
  }
}
