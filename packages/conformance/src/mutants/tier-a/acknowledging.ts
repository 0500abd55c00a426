import type { Delivery, DriverFactory } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M19: acknowledges an event as it arrives, before anything has handled it. */
export function earlyAck(factory: DriverFactory): DriverFactory {
  return ofEvents(factory, (delivery) => {
    if (delivery.take()) delivery.settle("done");
    return changedDelivery(delivery, { take: () => true, settle() {} });
  });
}

/** M20: acknowledges no event that was handled. */
export function neverAck(factory: DriverFactory): DriverFactory {
  return ofEvents(factory, (delivery) =>
    changedDelivery(delivery, {
      settle(verdict, outcome, options) {
        if (verdict !== "done") delivery.settle(verdict, outcome, options);
      },
    }),
  );
}

/** M21: acknowledges an event that is asked for again. */
export function requeueIsAck(factory: DriverFactory): DriverFactory {
  return ofEvents(factory, (delivery) =>
    changedDelivery(delivery, {
      settle(verdict, outcome, options) {
        delivery.settle(verdict === "requeue" ? "done" : verdict, outcome, options);
      },
    }),
  );
}

function ofEvents(factory: DriverFactory, change: (delivery: Delivery) => Delivery): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen: (what, deliver, options) =>
        driver.listen(what, what.kind === "rpc" ? deliver : (delivery) => deliver(change(delivery)), options),
    }),
  );
}
