import type { DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M26: gives a listener one message at a time, whatever its concurrency and credit. */
export function serialHandlers(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen: (what, deliver, options) => driver.listen(what, deliver, { ...options, credit: 1 }),
    }),
  );
}
