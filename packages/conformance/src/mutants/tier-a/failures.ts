import type { DriverFactory, Failure, Outcome } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M11: answers null where a handler failed. */
export function swallowError(factory: DriverFactory): DriverFactory {
  return failingAs(factory, () => ({ ok: true, value: null }));
}

/** M12: tells of every failure the same, and nothing of what it was. */
export function flattenError(factory: DriverFactory): DriverFactory {
  return failingAs(factory, () => ({ ok: false, failure: { type: "Error", message: "remote failed" } }));
}

function failingAs(factory: DriverFactory, change: (failure: Failure) => Outcome): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen: (what, deliver, options) =>
        driver.listen(
          what,
          (delivery) =>
            deliver(
              changedDelivery(delivery, {
                settle(verdict, outcome, more) {
                  const told = outcome === undefined || outcome.ok ? outcome : change(outcome.failure);
                  delivery.settle(verdict, told, more);
                },
              }),
            ),
          options,
        ),
    }),
  );
}
