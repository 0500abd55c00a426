import {
  AuthError,
  ConnectError,
  ConnectionLostError,
  type DriverFactory,
  type MessagingError,
  TimeoutError,
} from "@trunkline/core/driver";
import { passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M37: tells what went wrong with a connection or with credentials as a timeout. */
export function wrongLayer(factory: DriverFactory): DriverFactory {
  const wrapped = wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) => driver.send(to, message, options).catch(asTimeout),
      call: (to, request, sink, options) =>
        driver.call(
          to,
          request,
          passOn(sink, { lost: (error, mayHaveRun) => sink.lost(late(error) ?? error, mayHaveRun) }),
          options,
        ),
      listen: (what, deliver, options) => driver.listen(what, deliver, options).catch(asTimeout),
    }),
  );
  return { ...wrapped, open: (url, host, options) => wrapped.open(url, host, options).catch(asTimeout) };
}

function asTimeout(error: unknown): never {
  throw late(error) ?? error;
}

function late(error: unknown): MessagingError | undefined {
  const isOfTheConnection =
    error instanceof ConnectError || error instanceof AuthError || error instanceof ConnectionLostError;
  return isOfTheConnection ? new TimeoutError(error.message, { cause: error }) : undefined;
}
