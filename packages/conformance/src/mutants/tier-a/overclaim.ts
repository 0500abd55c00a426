import { type Capabilities, type Delivery, type DriverFactory, defineCapabilities } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";
import { Present } from "./present.js";

/** What the broken driver says that it can do. */
export function claimingMore(claims: Capabilities): Capabilities {
  return defineCapabilities({ ...claims, pools: true, requeue: true, storesOffline: true });
}

/** M35: claims pools, requeue and events that wait for who is away, and does nothing about any of them. */
export function overclaim(factory: DriverFactory): DriverFactory {
  const present = new Present();
  const wrapped = wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      capabilities: claimingMore(driver.capabilities),
      send(to, message, options) {
        const isForNobody = message.kind === "event" && present.on(to, "events").length === 0;
        return isForNobody ? Promise.resolve({ accepted: 0, lost: 0 }) : driver.send(to, message, options);
      },
      listen(what, deliver, options) {
        if (what.kind === "rpc") return driver.listen(what, deliver, options);
        const { pool, ...poolless } = what;
        return present.listening(driver)(poolless, (delivery) => deliver(neverRequeued(delivery)), options);
      },
    }),
  );
  return { ...wrapped, capabilities: (url) => claimingMore(factory.capabilities(url)) };
}

function neverRequeued(delivery: Delivery): Delivery {
  return changedDelivery(delivery, {
    settle: (verdict, outcome, more) => delivery.settle(verdict === "requeue" ? "reject" : verdict, outcome, more),
  });
}
