import type { Capabilities, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "./wrap.js";

/** What the broken driver's published manifest does not claim. */
export function withoutOptions(claims: Capabilities): Capabilities {
  return { ...claims, pools: false, callMonitor: false, binary: false, bigint: false, date: false };
}

/**
 * Accepts options that it does not claim: its published manifest has no pools, no monitoring and JSON's values alone, yet the
 * open driver takes all of them, and ignores the pool.
 */
export function acceptsUnclaimed(factory: DriverFactory): DriverFactory {
  const wrapped = wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen(what, deliver, options) {
        if (what.kind === "rpc") return driver.listen(what, deliver, options);
        const { pool, ...poolless } = what;
        return driver.listen(pool === undefined ? what : poolless, deliver, options);
      },
    }),
  );
  return { ...wrapped, capabilities: (url) => withoutOptions(factory.capabilities(url)) };
}
