import type { Delivery, DriverFactory, Listener } from "@trunkline/core/driver";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

interface Neighbour {
  readonly concurrency: number;
  inHand: number;
}

/** M42: delivers to no listener of a transport while another one is as busy as its concurrency allows. */
export function noisyNeighbour(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const neighbours = new Set<Neighbour>();
    const held: { readonly owner: Neighbour; readonly hand: () => void }[] = [];
    const isStalled = (owner: Neighbour): boolean =>
      [...neighbours].some((other) => other !== owner && other.inHand >= other.concurrency);
    const resume = (): void => {
      for (const one of held.splice(0)) {
        if (isStalled(one.owner)) held.push(one);
        else one.hand();
      }
    };
    return wrapDriver(driver, {
      async listen(what, deliver, options) {
        const owner: Neighbour = { concurrency: options.concurrency ?? options.credit, inHand: 0 };
        const settling = (delivery: Delivery): Delivery =>
          changedDelivery(delivery, {
            settle(verdict, outcome, more) {
              delivery.settle(verdict, outcome, more);
              owner.inHand -= 1;
              resume();
            },
          });
        const take = (delivery: Delivery): void => {
          const hand = (): void => {
            owner.inHand += 1;
            deliver(settling(delivery));
          };
          if (isStalled(owner)) held.push({ owner, hand });
          else hand();
        };
        const listener: Listener = await driver.listen(what, take, options);
        neighbours.add(owner);
        void listener.closed.then(() => {
          neighbours.delete(owner);
          resume();
        });
        return listener;
      },
    });
  });
}
