import type { Driver, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "./wrap.js";

/** One cast in so many is accepted and never sent. */
const EVERY = 37;

/** Loses a cast: says that it was accepted, and forgets it. */
export function losesCasts(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver: Driver) => {
    let casts = 0;
    return wrapDriver(driver, {
      send(to, message, options) {
        const isCast = message.kind === "request" && to.fanout !== true;
        if (isCast && ++casts % EVERY === 0) return Promise.resolve({ accepted: 1, lost: 0 });
        return driver.send(to, message, options);
      },
    });
  });
}
