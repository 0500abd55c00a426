import type { Delivery, Driver, DriverFactory, JsonObject, Value } from "@trunkline/core/driver";
import { changedDelivery, changedMessage, passOn } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** A factory whose drivers read every value that arrives, of requests, events and replies, as `read` has it. */
export function readingAs(factory: DriverFactory, read: (value: Value) => Value): DriverFactory {
  return wrapFactory(factory, (driver: Driver) =>
    wrapDriver(driver, {
      call: (to, request, sink, options) =>
        driver.call(
          to,
          request,
          passOn(sink, {
            end: (outcome) => sink.end(outcome.ok ? { ok: true, value: read(outcome.value) } : outcome),
          }),
          options,
        ),
      listen: (what, deliver, options) =>
        driver.listen(what, (delivery) => deliver(readDelivery(delivery, read)), options),
    }),
  );
}

function readDelivery(delivery: Delivery, read: (value: Value) => Value): Delivery {
  const { message } = delivery;
  if (message.kind === "event") {
    return changedDelivery(delivery, { message: changedMessage(message, { payload: read(message.payload) }) });
  }
  // Whatever `read` does to an object, it stays one.
  const params = read(message.params) as JsonObject;
  return changedDelivery(delivery, { message: changedMessage(message, { params }) });
}

/** A copy of what came over the wire, whose leaves are `leaf`'s and whose objects are made by `join`. */
export function copied(
  value: Value,
  leaf: (value: Value) => Value,
  join: (members: readonly (readonly [string, Value])[]) => JsonObject,
): Value {
  if (Array.isArray(value)) return value.map((item: Value) => copied(item, leaf, join));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) {
    return leaf(value);
  }
  const members = Object.entries(value).map(([key, member]) => [key, copied(member ?? null, leaf, join)] as const);
  return join(members);
}
