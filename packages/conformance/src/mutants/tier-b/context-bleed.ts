import type { DriverFactory, Value } from "@trunkline/core/driver";
import { changedDelivery, changedMessage } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M34: keeps one context for all that a listener has in hand: that of the message which came last. */
export function contextBleed(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      listen(what, deliver, options) {
        const context: Record<string, Value> = {};
        return driver.listen(
          what,
          (delivery) => {
            for (const key of Object.keys(context)) delete context[key];
            Object.assign(context, delivery.message.context);
            deliver(changedDelivery(delivery, { message: changedMessage(delivery.message, { context }) }));
          },
          options,
        );
      },
    }),
  );
}
