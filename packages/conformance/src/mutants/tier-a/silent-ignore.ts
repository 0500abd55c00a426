import type { Capabilities, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** What the broken driver's published manifest does not claim. */
export function withoutOptions(claims: Capabilities): Capabilities {
  const less = { pools: false, callMonitor: false, binary: false, bigint: false, date: false };
  return { ...claims, ...less, exchanges: false, exactNames: false, eventContext: "listed" };
}

/**
 * M36: accepts what it does not claim: its published manifest has no pools, no monitoring, JSON's values alone, one exchange for
 * a topic, plain names and a list for the context of events, yet the open driver takes all of them, and ignores the pool.
 */
export function silentIgnore(factory: DriverFactory): DriverFactory {
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
