import type { Driver, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M43: gives all transports of a process one driver, which ends with the first that closes. */
export function sharedState(factory: DriverFactory): DriverFactory {
  const wrapped = wrapFactory(factory, (driver) => wrapDriver(driver, {}));
  let shared: Promise<Driver> | undefined;
  return {
    ...wrapped,
    open(url, host, options) {
      const end = (): void => {
        shared = undefined;
      };
      shared ??= wrapped.open(url, host, options).then(
        (driver) =>
          wrapDriver(driver, {
            close() {
              end();
              return driver.close();
            },
          }),
        (error: unknown) => {
          end();
          throw error;
        },
      );
      return shared;
    },
  };
}
