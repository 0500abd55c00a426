import type { Delivery, DriverFactory } from "@trunkline/core/driver";
import { OwnTimers } from "../own-timers.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** One in so many changes places with the next. */
const EVERY = 10;
/** How long it waits for the next. */
const WAIT_MS = 5;

/** M25: hands over two messages that arrived one after the other the other way round. */
export function reorder(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const timers = new OwnTimers();
    return wrapDriver(driver, {
      listen(what, deliver, options) {
        let arrived = 0;
        let held: Delivery | undefined;
        let stop = (): void => {};
        const release = (): void => {
          const one = held;
          held = undefined;
          stop();
          if (one !== undefined) deliver(one);
        };
        const swapping = (delivery: Delivery): void => {
          arrived += 1;
          if (held !== undefined || arrived % EVERY !== 0) {
            deliver(delivery);
            release();
            return;
          }
          held = delivery;
          stop = timers.set(release, WAIT_MS);
        };
        return driver.listen(what, swapping, options);
      },
      close() {
        timers.stopAll();
        return driver.close();
      },
    });
  });
}
