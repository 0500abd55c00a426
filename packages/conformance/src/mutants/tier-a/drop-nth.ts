import type { Driver, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** One in so many is accepted and never sent. */
const EVERY = 37;

/** M01: says of a cast or an event that it was accepted, and forgets it. */
export function dropNth(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver: Driver) => {
    let sends = 0;
    return wrapDriver(driver, {
      send(to, message, options) {
        if (to.fanout !== true && ++sends % EVERY === 0) return Promise.resolve({ accepted: 1, lost: 0 });
        return driver.send(to, message, options);
      },
    });
  });
}
