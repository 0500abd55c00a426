import { type DriverFactory, type Receipt, UnreachableError } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** As good as never. */
const LATER_MS = 3_600_000;

/**
 * M13: knows no deadlines. None travels with a call, what waits is given up at none, and a cast or an event to nobody waits
 * for ever. (The timer of a call is core's: no driver can keep its caller waiting.)
 */
export function noTimeout(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        const patient = { until: options.until + LATER_MS, onCancel() {} };
        return driver.send(to, message, patient).catch((error: unknown) => {
          if (error instanceof UnreachableError) return new Promise<Receipt>(() => {});
          throw error;
        });
      },
      call(to, request, sink, options) {
        const { monitorMs, stream } = options;
        const patient = { until: options.until + LATER_MS, monitorMs, stream };
        const handle = driver.call(to, request, sink, patient);
        return {
          credit: (items) => handle.credit(items),
          cancel: (reason) => (reason === "deadline" ? "sent" : handle.cancel(reason)),
        };
      },
    }),
  );
}
