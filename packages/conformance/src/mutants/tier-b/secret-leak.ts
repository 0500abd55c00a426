import type { DriverFactory } from "@trunkline/core/driver";
import { passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M45: tells in its errors as whom it has connected, password included. */
export function secretLeak(factory: DriverFactory): DriverFactory {
  const plain = wrapFactory(factory, (driver) => driver);
  return {
    ...plain,
    async open(url, host, options) {
      const [{ user = "", password = "" } = {}] = url.hosts;
      const telling = <Problem>(error: Problem): Problem => {
        if (error instanceof Error) error.message += ` (connected as ${user}:${password})`;
        return error;
      };
      const throwing = (error: unknown): never => {
        throw telling(error);
      };
      const driver = await plain.open(url, host, options);
      return wrapDriver(driver, {
        send: (to, message, more) => driver.send(to, message, more).catch(throwing),
        call: (to, request, sink, more) =>
          driver.call(
            to,
            request,
            passOn(sink, { lost: (error, mayHaveRun) => sink.lost(telling(error), mayHaveRun) }),
            more,
          ),
      });
    },
  };
}
