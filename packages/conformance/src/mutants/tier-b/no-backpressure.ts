import type { DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** As good as no bound. */
const ENDLESS = 60_000;

/** M27: gives a listener all that there is, whatever its credit. */
export function noBackpressure(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen: (what, deliver, options) => driver.listen(what, deliver, { ...options, credit: ENDLESS }),
    }),
  );
}
