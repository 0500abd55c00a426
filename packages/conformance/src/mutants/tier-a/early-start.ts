import type { DriverFactory, Listener, MessagingError } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** How long it is deaf. */
const DEAF_MS = 30;

/** M38: says that it listens before it does. */
export function earlyStart(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      async listen(what, deliver, options) {
        let { credit } = options;
        const beginning: Promise<Listener> = new Promise((resolve) => {
          setTimeout(() => resolve(driver.listen(what, deliver, { ...options, credit })), DEAF_MS);
        });
        const closed = beginning.then(
          (listener) => listener.closed,
          (error: MessagingError) => error,
        );
        let begun: Listener | undefined;
        void beginning.then(
          (listener) => {
            begun = listener;
          },
          () => {},
        );
        return {
          closed,
          setCredit(deliveries) {
            credit = deliveries;
            begun?.setCredit(deliveries);
          },
          stop: () => beginning.then((listener) => listener.stop()),
          close: () => beginning.then((listener) => listener.close()),
        };
      },
    }),
  );
}
