import type { Address, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M08: matches topics by prefix: a message goes to whoever listens on the beginning of its topic, where somebody does. */
export function prefixTopic(factory: DriverFactory): DriverFactory {
  const listened = new Map<object, Address>();
  const shortest = (to: Address): Address => {
    const near = [...listened.values()]
      .filter(
        ({ realm, exchange, topic }) => realm === to.realm && exchange === to.exchange && to.topic.startsWith(topic),
      )
      .map(({ topic }) => topic);
    const topic = near.reduce((best, one) => (one.length < best.length ? one : best), to.topic);
    return topic === to.topic ? to : { ...to, topic, memo: undefined };
  };
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) => driver.send(shortest(to), message, options),
      call: (to, request, sink, options) => driver.call(shortest(to), request, sink, options),
      async listen(what, deliver, options) {
        const listener = await driver.listen(what, deliver, options);
        listened.set(listener, what.address);
        void listener.closed.then(() => listened.delete(listener));
        return listener;
      },
    }),
  );
}
