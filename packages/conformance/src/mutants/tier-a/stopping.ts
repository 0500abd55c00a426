import type { Delivery, DriverFactory } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory, wrapListener } from "../wrap.js";

/** M17: goes on taking messages for a listener that has stopped, as long as its transport is open; nobody handles them. */
export function zombieHandler(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      async listen(what, deliver, options) {
        let isStopped = false;
        let end = (): void => {};
        const ended = new Promise<undefined>((resolve) => {
          end = () => resolve(undefined);
        });
        const take = (delivery: Delivery): void => {
          if (!isStopped) deliver(delivery);
          else if (delivery.take()) delivery.settle("done");
        };
        const listener = await driver.listen(what, take, options);
        return wrapListener(listener, {
          closed: Promise.race([listener.closed, ended]),
          async stop() {
            isStopped = true;
          },
          async close() {
            isStopped = true;
            end();
          },
        });
      },
    }),
  );
}

/** M18: lets go of all that a listener has in hand when it stops: what its handlers answer from then on reaches nobody. */
export function drainAbandons(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      async listen(what, deliver, options) {
        let isStopping = false;
        const settling = (delivery: Delivery): Delivery =>
          changedDelivery(delivery, {
            settle(verdict, outcome, more) {
              if (!isStopping || verdict === "hand-back") delivery.settle(verdict, outcome, more);
            },
          });
        const listener = await driver.listen(what, (delivery) => deliver(settling(delivery)), options);
        return wrapListener(listener, {
          stop() {
            isStopping = true;
            return listener.stop();
          },
        });
      },
    }),
  );
}
