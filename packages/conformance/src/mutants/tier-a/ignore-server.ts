import type { Address, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M07: ignores the server's name: what is directed at one server goes to any that listens on the topic. */
export function ignoreServer(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) => driver.send(undirected(to), message, options),
      call: (to, request, sink, options) => driver.call(undirected(to), request, sink, options),
    }),
  );
}

function undirected(to: Address): Address {
  const { server, memo, ...rest } = to;
  return server === undefined ? to : { ...rest, memo: undefined };
}
