import type { DriverFactory, ReplySink } from "@trunkline/core/driver";
import { passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M06: takes each reply for that of the call which has waited longest, whatever it answers. */
export function fifoReplies(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const waiting = new Set<ReplySink>();
    return wrapDriver(driver, {
      call(to, request, sink, options) {
        waiting.add(sink);
        const first = passOn(sink, {
          end(outcome) {
            const [longest = sink] = waiting;
            waiting.delete(longest);
            longest.end(outcome);
          },
          lost(error, mayHaveRun) {
            waiting.delete(sink);
            sink.lost(error, mayHaveRun);
          },
        });
        const handle = driver.call(to, request, first, options);
        return {
          credit: (items) => handle.credit(items),
          cancel(reason) {
            waiting.delete(sink);
            return handle.cancel(reason);
          },
        };
      },
    });
  });
}
