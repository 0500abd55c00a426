import {
  AbortError,
  type Capabilities,
  ConnectError,
  type Driver,
  type DriverFactory,
  type DriverHost,
  InvalidTransportUrlError,
  NotSupportedError,
  type OpenOptions,
  type TransportUrl,
} from "@trunkline/core/driver";
import type { Bus } from "./bus/bus.js";
import { busOf } from "./bus/registry.js";
import { DRIVER_NAME, FakeDriver } from "./driver/fake-driver.js";
import { capabilitiesOf, optionsSchema, readOptions } from "./options.js";

/**
 * The in-memory driver: `fake://[bus][/realm][?option=value]`.
 *
 * All transports of one bus name within one process (and one copy of this package) reach each other; realms keep apart
 * within it. An open transport keeps no process alive: only messages on their way do.
 */
export const driver: DriverFactory = {
  scheme: "fake",
  name: DRIVER_NAME,
  version: "0.1.0",
  options: optionsSchema,

  capabilities(url: TransportUrl): Capabilities {
    return capabilitiesOf(readOptions(url));
  },

  async open(url: TransportUrl, host: DriverHost, options: OpenOptions): Promise<Driver> {
    const fakeOptions = readOptions(url);
    const bus = busNameOf(url);
    await reachable(bus, host, options);
    // Found by its name now: a reset while this waited made a new one.
    return new FakeDriver(busOf(bus), host, fakeOptions, capabilitiesOf(fakeOptions));
  },
};

/** The URL's host is the bus. What the manifest does not claim is refused here (H). */
function busNameOf(url: TransportUrl): string {
  if (url.variant !== undefined) {
    throw new InvalidTransportUrlError(`fake has no variant "${url.variant}"; write fake://`, "scheme");
  }
  const [host, ...others] = url.hosts;
  if (others.length > 0) {
    throw new NotSupportedError("fake:// takes one bus name: failover is not claimed", "failover", DRIVER_NAME);
  }
  if (host?.user !== undefined || host?.password !== undefined) {
    throw new NotSupportedError("fake:// takes no credentials: auth is not claimed", "auth", DRIVER_NAME);
  }
  if (host?.port !== undefined) throw new InvalidTransportUrlError("a bus has a name and no port", "port");
  return host?.host ?? "";
}

/** Resolves when the bus is there: at once, but for one that was cut as a whole (E1). */
function reachable(name: string, host: DriverHost, options: OpenOptions): Promise<void> {
  const { signal, connectTimeoutMs } = options;
  if (signal?.aborted === true) return Promise.reject(abortError(signal));
  const bus: Bus = busOf(name);
  if (!bus.conditions.isCut) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      timer.cancel();
      bus.onHealed.delete(wake);
      signal?.removeEventListener("abort", onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const wake = (): void => finish();
    const onAbort = (): void => finish(abortError(signal));
    const expire = (): void => finish(new ConnectError(`the bus ${JSON.stringify(name)} is cut; heal it`));
    const timer = host.clock.setTimer(expire, connectTimeoutMs);
    bus.onHealed.add(wake);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function abortError(signal: AbortSignal | undefined): AbortError {
  return new AbortError("opening the transport was aborted", { cause: signal?.reason });
}
