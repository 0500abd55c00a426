import type { Address, Delivery, Driver, DriverFactory, Event } from "@trunkline/core/driver";
import { OwnTimers } from "../own-timers.js";
import { changedDelivery } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** How long the second sending of an event may take. */
const PATIENCE_MS = 30_000;

/** M22: emits an event anew where its handler asks for it again, so that every pool gets it, under another id. */
export function requeueWide(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver) => {
    const delays = new OwnTimers();
    return wrapDriver(driver, {
      listen: (what, deliver, options) =>
        driver.listen(what, (delivery) => deliver(emittingAgain(driver, delivery, delays)), options),
      close() {
        delays.stopAll();
        return driver.close();
      },
    });
  });
}

function emittingAgain(driver: Driver, delivery: Delivery, delays: OwnTimers): Delivery {
  const { message } = delivery;
  if (message.kind !== "event") return delivery;
  const [first = "", times = "0"] = message.id.split("~");
  const attempt = delivery.attempt + Number(times);
  return changedDelivery(delivery, {
    attempt,
    settle(verdict, outcome, options) {
      if (verdict !== "requeue") return delivery.settle(verdict, outcome, options);
      delivery.settle("done");
      const again = withId(message, `${first}~${Number(times) + 1}`);
      delays.set(() => emit(driver, delivery.to, again), options?.delayMs ?? 0);
    },
  });
}

function emit(driver: Driver, { realm, exchange, topic }: Address, event: Event): void {
  const to: Address = { realm, exchange, topic, memo: undefined };
  // By the clock of the process, which is every host's unless a test gives another.
  const sent = driver.send(to, event, { until: performance.now() + PATIENCE_MS, onCancel() {} });
  sent.catch(() => {});
}

function withId(event: Event, id: string): Event {
  const { kind, publisherId, eventType, priority, payload, timestamp, context, headers } = event;
  return { kind, id, publisherId, eventType, priority, payload, timestamp, context, headers };
}
