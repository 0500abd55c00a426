import type { DriverFactory } from "@trunkline/core/driver";
import { OwnTimers } from "../own-timers.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** Longer than any case. */
const KEPT_MS = 600_000;

/** M15: keeps an entry with a timer of each call that was given up, until it is closed. */
export function pendingLeak(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const kept = new OwnTimers();
    return wrapDriver(driver, {
      call(to, request, sink, options) {
        const handle = driver.call(to, request, sink, options);
        return {
          credit: (items) => handle.credit(items),
          cancel(reason) {
            kept.set(() => {}, KEPT_MS);
            return handle.cancel(reason);
          },
        };
      },
      close() {
        kept.stopAll();
        return driver.close();
      },
    });
  });
}
