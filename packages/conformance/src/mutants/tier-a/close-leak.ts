import type { DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** Longer than the kit waits for what was left to go, and not so long that a run of the kit would not end. */
const LEFT_MS = 15_000;

/** More than one, since others of the process may end meanwhile. */
const LEFT_TIMERS = 5;

/** M16: leaves timers behind where it is closed. */
export function closeLeak(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      close() {
        for (let left = 0; left < LEFT_TIMERS; left++) setTimeout(() => {}, LEFT_MS);
        return driver.close();
      },
    }),
  );
}
