import type { Driver, DriverFactory, Listener } from "@trunkline/core/driver";

/** A factory that opens what `change` makes of each driver; in all else it is the one that it wraps. */
export function wrapFactory(factory: DriverFactory, change: (driver: Driver) => Driver): DriverFactory {
  return {
    ...factory,
    capabilities: (url) => factory.capabilities(url),
    open: async (url, host, options) => change(await factory.open(url, host, options)),
  };
}

/** A driver with some of its methods replaced; the others are those of `driver`. */
export function wrapDriver(driver: Driver, replaced: Partial<Driver>): Driver {
  return {
    capabilities: driver.capabilities,
    events: driver.events,
    ...(driver.eventContextKeys === undefined ? {} : { eventContextKeys: driver.eventContextKeys }),
    send: (to, message, options) => driver.send(to, message, options),
    call: (to, request, sink, options) => driver.call(to, request, sink, options),
    listen: (what, deliver, options) => driver.listen(what, deliver, options),
    stats: () => driver.stats(),
    close: () => driver.close(),
    ...replaced,
  };
}

/** A listener with some of its methods replaced; the others are those of `listener`. */
export function wrapListener(listener: Listener, replaced: Partial<Listener>): Listener {
  return {
    closed: listener.closed,
    setCredit: (deliveries) => listener.setCredit(deliveries),
    stop: () => listener.stop(),
    close: () => listener.close(),
    ...replaced,
  };
}
