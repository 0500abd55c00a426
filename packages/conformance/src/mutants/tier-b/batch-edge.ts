import type { Delivery, DriverFactory } from "@trunkline/core/driver";
import { OwnTimers } from "../own-timers.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** How long a load may wait for the rest of it. */
const IDLE_MS = 50;

/**
 * M40: hands events on in full loads, and forgets a load that is never filled. Only where the credit is below the
 * concurrency: core asks for so little where it gathers batches, and elsewhere no load would ever be full.
 */
export function batchEdge(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const timers = new OwnTimers();
    return wrapDriver(driver, {
      listen(what, deliver, options) {
        const { credit, concurrency = 0 } = options;
        if (what.kind === "rpc" || credit >= concurrency) return driver.listen(what, deliver, options);
        let load: Delivery[] = [];
        let stop = (): void => {};
        const take = (): Delivery[] => {
          stop();
          const taken = load;
          load = [];
          return taken;
        };
        const gather = (delivery: Delivery): void => {
          load.push(delivery);
          if (load.length >= credit) for (const one of take()) deliver(one);
          else {
            stop();
            stop = timers.set(() => take().forEach(forget), IDLE_MS);
          }
        };
        return driver.listen(what, gather, options);
      },
      close() {
        timers.stopAll();
        return driver.close();
      },
    });
  });
}

function forget(delivery: Delivery): void {
  if (delivery.take()) delivery.settle("done");
}
