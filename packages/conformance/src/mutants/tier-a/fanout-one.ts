import { type DriverFactory, UnreachableError } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M04: sends a fanout as a plain cast, which reaches one server of its topic. */
export function fanoutOne(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        if (to.fanout !== true) return driver.send(to, message, options);
        const { realm, exchange, topic } = to;
        return driver.send({ realm, exchange, topic, memo: undefined }, message, options).catch((error: unknown) => {
          // To nobody is no error of a fanout.
          if (error instanceof UnreachableError) return { accepted: 0, lost: 0 };
          throw error;
        });
      },
    }),
  );
}
