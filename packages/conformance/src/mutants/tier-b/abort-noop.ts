import { AbortError, type DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M41: goes on with what its sender has aborted. */
export function abortNoop(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) =>
        driver.send(to, message, {
          until: options.until,
          onCancel: (handle) =>
            options.onCancel({
              cancel(toError) {
                // What it was given up for is known only by the error.
                if (!(toError("sent") instanceof AbortError)) handle.cancel(toError);
              },
            }),
        }),
      call(to, request, sink, options) {
        const handle = driver.call(to, request, sink, options);
        return {
          credit: (items) => handle.credit(items),
          cancel: (reason) => (reason === "aborted" ? "sent" : handle.cancel(reason)),
        };
      },
    }),
  );
}
