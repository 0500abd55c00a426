import type { Address, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M10: leaves the realm out of every address, so that all realms are one. */
export function spaceLeak(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) => driver.send(anywhere(to), message, options),
      call: (to, request, sink, options) => driver.call(anywhere(to), request, sink, options),
      listen: (what, deliver, options) => driver.listen({ ...what, address: anywhere(what.address) }, deliver, options),
    }),
  );
}

function anywhere(address: Address): Address {
  return { ...address, realm: "", memo: undefined };
}
