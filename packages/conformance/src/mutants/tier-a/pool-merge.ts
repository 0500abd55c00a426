import type { DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M23: ignores the name of a pool, so that all listeners of a topic share its events. */
export function poolMerge(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen(what, deliver, options) {
        if (what.kind === "rpc" || what.pool === undefined) return driver.listen(what, deliver, options);
        const { pool, ...poolless } = what;
        return driver.listen(poolless, deliver, options);
      },
    }),
  );
}
