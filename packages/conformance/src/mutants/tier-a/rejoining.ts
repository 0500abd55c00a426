import type { Delivery, Driver, DriverFactory, Listener } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M28: comes back after a cut without what it listened to. Its senders work again, its listeners are deaf. */
export function noRejoin(factory: DriverFactory): DriverFactory {
  return afterCut(factory, () => {});
}

/** M29: subscribes a second time after a cut, so that every message is handled twice. */
export function doubleRejoin(factory: DriverFactory): DriverFactory {
  return afterCut(factory, (delivery, deliver) => {
    deliver(delivery);
    deliver(changedDelivery(delivery, { take: () => true, beat() {}, settle() {} }));
  });
}

/** What a listener gets once its link was lost goes through `change`. */
function afterCut(
  factory: DriverFactory,
  change: (delivery: Delivery, deliver: (delivery: Delivery) => void) => void,
): DriverFactory {
  return wrapFactory(factory, (driver: Driver) => {
    let cuts = 0;
    driver.events.on("status", ({ state }) => {
      if (state === "degraded") cuts += 1;
    });
    return wrapDriver(driver, {
      listen(what, deliver, options): Promise<Listener> {
        const before = cuts;
        const changed = (delivery: Delivery): void => {
          if (cuts === before) deliver(delivery);
          else change(delivery, deliver);
        };
        return driver.listen(what, changed, options);
      },
    });
  });
}
