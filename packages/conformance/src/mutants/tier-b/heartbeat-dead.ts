import { ConnectionLostError, type DriverFactory } from "@trunkline/core/driver";
import { OwnTimers } from "../own-timers.js";
import { passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M48: claims call monitoring, and no beat of a server ever reaches its caller. */
export function heartbeatDead(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      call: (to, request, sink, options) => driver.call(to, request, passOn(sink, { beat() {} }), options),
    }),
  );
}

/** M48, the other way round: it beats itself for every call in flight, so that a dead server is noticed at the full timeout. */
export function heartbeatForTheDead(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const timers = new OwnTimers();
    return wrapDriver(driver, {
      call(to, request, sink, options) {
        const { monitorMs } = options;
        if (monitorMs === undefined) return driver.call(to, request, sink, options);
        let stop = (): void => {};
        const beat = (): void => {
          sink.beat();
          stop = timers.set(beat, monitorMs / 4);
        };
        stop = timers.set(beat, monitorMs / 4);
        const deaf = passOn(sink, {
          end(outcome) {
            stop();
            sink.end(outcome);
          },
          lost(error, mayHaveRun) {
            if (error instanceof ConnectionLostError && mayHaveRun) return;
            stop();
            sink.lost(error, mayHaveRun);
          },
        });
        const handle = driver.call(to, request, deaf, options);
        return {
          credit: (items) => handle.credit(items),
          cancel(reason) {
            stop();
            return handle.cancel(reason);
          },
        };
      },
      close() {
        timers.stopAll();
        return driver.close();
      },
    });
  });
}
