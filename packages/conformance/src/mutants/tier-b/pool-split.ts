import type { DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M24: makes a pool of its own of each member of a pool, so that each gets every event. */
export function poolSplit(factory: DriverFactory): DriverFactory {
  let members = 0;
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen(what, deliver, options) {
        if (what.kind === "rpc" || what.pool === undefined) return driver.listen(what, deliver, options);
        members += 1;
        return driver.listen({ ...what, pool: `${what.pool}-${members}` }, deliver, options);
      },
    }),
  );
}
