import type { Address, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M09: leaves the exchange out of every address, so that all exchanges are one. */
export function exchangeBlind(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) => driver.send(blind(to), message, options),
      call: (to, request, sink, options) => driver.call(blind(to), request, sink, options),
      listen: (what, deliver, options) => driver.listen({ ...what, address: blind(what.address) }, deliver, options),
    }),
  );
}

function blind(address: Address): Address {
  return { ...address, exchange: "any", memo: undefined };
}
