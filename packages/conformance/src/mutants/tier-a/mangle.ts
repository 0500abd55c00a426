import type { Driver, DriverFactory, JsonObject, Value } from "@trunkline/core/driver";
import { changedDelivery, changedMessage } from "../pass-on.js";
import { wrapDriver, wrapFactory } from "../wrap.js";

/** M32: puts values through plain JSON: bytes, dates and large integers become something else, and so do NaN and -0. */
export function mangle(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver: Driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        const sent =
          message.kind === "event"
            ? changedMessage(message, { payload: mangled(message.payload) })
            : changedMessage(message, { params: mangledParams(message.params) });
        return driver.send(to, sent, options);
      },
      call: (to, request, sink, options) =>
        driver.call(to, changedMessage(request, { params: mangledParams(request.params) }), sink, options),
      listen: (what, deliver, options) =>
        driver.listen(
          what,
          (delivery) =>
            deliver(
              changedDelivery(delivery, {
                settle(verdict, outcome, more) {
                  const told = outcome?.ok === true ? { ...outcome, value: mangled(outcome.value) } : outcome;
                  delivery.settle(verdict, told, more);
                },
              }),
            ),
          options,
        ),
    }),
  );
}

function mangledParams(params: JsonObject): JsonObject {
  // JSON makes an object of an object.
  return mangled(params) as JsonObject;
}

function mangled(value: Value): Value {
  try {
    return JSON.parse(
      JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? Number(member) : member)),
    );
  } catch {
    // The driver itself refuses what cannot be written.
    return value;
  }
}
