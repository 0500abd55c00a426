import type { DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M39: accepts events of the priority `sample`, and forgets them. */
export function priorityDrop(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        const isForgotten = message.kind === "event" && message.priority === "sample";
        return isForgotten ? Promise.resolve({ accepted: 1, lost: 0 }) : driver.send(to, message, options);
      },
    }),
  );
}
