import type { DriverFactory, Outcome, ReplySink } from "@trunkline/core/driver";
import { passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M14: takes the reply to a call that was given up for that of another call in flight, or of the next one. */
export function lateReply(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const inFlight = new Set<ReplySink>();
    const late: Outcome[] = [];
    return wrapDriver(driver, {
      call(to, request, sink, options) {
        let isGivenUp = false;
        inFlight.add(sink);
        const own = passOn(sink, {
          end(outcome) {
            inFlight.delete(sink);
            if (isGivenUp) late.push(outcome);
            const [other] = isGivenUp ? inFlight : [sink];
            const told = late.shift() ?? outcome;
            if (other === undefined) late.push(told);
            else other.end(told);
          },
          lost(error, mayHaveRun) {
            inFlight.delete(sink);
            if (!isGivenUp) sink.lost(error, mayHaveRun);
          },
        });
        const handle = driver.call(to, request, own, options);
        return {
          credit: (items) => handle.credit(items),
          cancel(reason) {
            inFlight.delete(sink);
            isGivenUp = true;
            return reason === "closed" ? handle.cancel(reason) : "sent";
          },
        };
      },
    });
  });
}
