import type { DriverFactory, Event, Request } from "@trunkline/core/driver";
import { changedDelivery, changedMessage } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** How many messages it remembers: more than are on their way in any case that changes what it sent. */
const REMEMBERED = 1_000;

/** M33: hands a listener of the same process the very objects that were sent. */
export function shareByRef(factory: DriverFactory): DriverFactory {
  const sent = new Map<string, Request | Event>();
  const remember = (message: Request | Event): void => {
    sent.set(message.id, message);
    const [oldest] = sent.size > REMEMBERED ? sent.keys() : [];
    if (oldest !== undefined) sent.delete(oldest);
  };
  const shared = (arrived: Request | Event): Request | Event => {
    const original = sent.get(arrived.id);
    if (original === undefined) return arrived;
    const { context } = original;
    if (original.kind === "event" && arrived.kind === "event") {
      return changedMessage(arrived, { context, payload: original.payload });
    }
    if (original.kind === "request" && arrived.kind === "request") {
      return changedMessage(arrived, { context, params: original.params });
    }
    return arrived;
  };
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        remember(message);
        return driver.send(to, message, options);
      },
      call(to, request, sink, options) {
        remember(request);
        return driver.call(to, request, sink, options);
      },
      listen: (what, deliver, options) =>
        driver.listen(
          what,
          (delivery) => deliver(changedDelivery(delivery, { message: shared(delivery.message) })),
          options,
        ),
    }),
  );
}
