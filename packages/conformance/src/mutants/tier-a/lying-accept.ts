import type { DriverFactory } from "@trunkline/core/driver";
import { OwnTimers } from "../own-timers.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** How long it keeps a message before it sends it. */
const KEPT_MS = 20;

/** M30: says of a cast or an event that it was accepted when it has put it by, and forgets what it has there when it is closed. */
export function lyingAccept(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const kept = new OwnTimers();
    return wrapDriver(driver, {
      send(to, message, options) {
        if (to.fanout === true) return driver.send(to, message, options);
        const late = { until: options.until, onCancel() {} };
        kept.set(() => void driver.send(to, message, late).catch(() => {}), KEPT_MS);
        return Promise.resolve({ accepted: 1, lost: 0 });
      },
      close() {
        kept.stopAll();
        return driver.close();
      },
    });
  });
}
