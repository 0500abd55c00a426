import type { Address, DriverFactory } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M47: gives all that goes to a topic to the server that listened there first. */
export function starve(factory: DriverFactory): DriverFactory {
  const servers = new Map<string, Set<Address>>();
  const favoured = (to: Address): Address => {
    const [first] = servers.get(keyOf(to)) ?? [];
    if (first?.server === undefined || to.server !== undefined || to.fanout === true) return to;
    return { ...to, server: first.server, memo: undefined };
  };
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send: (to, message, options) => driver.send(message.kind === "request" ? favoured(to) : to, message, options),
      call: (to, request, sink, options) => driver.call(favoured(to), request, sink, options),
      async listen(what, deliver, options) {
        const listener = await driver.listen(what, deliver, options);
        if (what.kind !== "rpc") return listener;
        const key = keyOf(what.address);
        const there = servers.get(key) ?? new Set();
        servers.set(key, there.add(what.address));
        const leave = (): void => void there.delete(what.address);
        void listener.closed.then(leave);
        return {
          closed: listener.closed,
          setCredit: (deliveries) => listener.setCredit(deliveries),
          close: () => listener.close(),
          stop() {
            leave();
            return listener.stop();
          },
        };
      },
    }),
  );
}

function keyOf({ realm, exchange, topic }: Address): string {
  return `${realm}\n${exchange}\n${topic}`;
}
