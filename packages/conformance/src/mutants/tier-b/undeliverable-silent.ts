import { type DriverFactory, type Receipt, type SendHandle, UnreachableError } from "@trunkline/core/driver";
import { passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M46: keeps to itself that nobody is there, and lets the sender wait for its deadline. */
export function undeliverableSilent(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        let inner: SendHandle | undefined;
        const given = new Promise<never>((_, reject) => {
          options.onCancel({
            cancel(toError) {
              inner?.cancel(toError);
              reject(toError("sent"));
            },
          });
        });
        const sent = driver.send(to, message, {
          until: options.until,
          onCancel(handle) {
            inner = handle;
          },
        });
        const kept = sent.catch((error: unknown): Promise<Receipt> => {
          if (error instanceof UnreachableError) return given;
          throw error;
        });
        return Promise.race([kept, given]);
      },
      call(to, request, sink, options) {
        let isKept = false;
        const silent = passOn(sink, {
          lost(error, mayHaveRun) {
            isKept = error instanceof UnreachableError;
            if (!isKept) sink.lost(error, mayHaveRun);
          },
        });
        const handle = driver.call(to, request, silent, options);
        return {
          credit: (items) => handle.credit(items),
          cancel(reason) {
            const wait = handle.cancel(reason);
            return isKept || wait === "no-listener" ? "sent" : wait;
          },
        };
      },
    }),
  );
}
