import type { Address, Driver, Listener, Subscription } from "@trunkline/core/driver";
import { wrapListener } from "../wrap.js";

/** What the drivers of one factory listen to at this moment. */
export class Present {
  readonly #subscriptions = new Set<Subscription>();

  /** A driver's `listen` which keeps account of what it has begun and not yet stopped. */
  listening(driver: Driver): Driver["listen"] {
    return async (what, deliver, options) => {
      const listener: Listener = await driver.listen(what, deliver, options);
      this.#subscriptions.add(what);
      const leave = (): void => void this.#subscriptions.delete(what);
      void listener.closed.then(leave);
      return wrapListener(listener, {
        stop() {
          leave();
          return listener.stop();
        },
      });
    };
  }

  /** The subscriptions of one kind for a topic. */
  on(to: Address, kind: Subscription["kind"]): Subscription[] {
    return [...this.#subscriptions].filter(
      ({ kind: one, address: { realm, exchange, topic } }) =>
        one === kind && realm === to.realm && exchange === to.exchange && topic === to.topic,
    );
  }
}
