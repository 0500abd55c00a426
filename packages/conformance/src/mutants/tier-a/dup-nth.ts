import type { DriverFactory } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** One in so many comes twice. */
const EVERY = 3;

/** M02: delivers a message a second time to the same listener; what is said of the second is heard by nobody. */
export function dupNth(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    let deliveries = 0;
    return wrapDriver(driver, {
      listen: (what, deliver, options) =>
        driver.listen(
          what,
          (delivery) => {
            const isTwice = ++deliveries % EVERY === 0;
            deliver(delivery);
            if (isTwice) deliver(changedDelivery(delivery, { take: () => true, beat() {}, settle() {} }));
          },
          options,
        ),
    });
  });
}
