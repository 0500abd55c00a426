import type { Driver, DriverFactory, ReplySink } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "./wrap.js";

/** One call in so many is answered twice. */
const EVERY = 3;

const NOBODY: ReplySink = { accepted() {}, beat() {}, item() {}, end() {}, lost() {} };

/** Answers twice: sends a call again under an id of its own, so that it runs twice; the first answer is taken. */
export function answersTwice(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (driver: Driver) => {
    let calls = 0;
    return wrapDriver(driver, {
      call(to, request, sink, options) {
        const handle = driver.call(to, request, sink, options);
        if (++calls % EVERY !== 0) return handle;
        const { method, params, namespace, version, context, headers } = request;
        const again = { kind: "request" as const, method, params, namespace, version, context, headers };
        driver.call(to, { ...again, id: `${request.id}-again` }, NOBODY, options);
        return handle;
      },
    });
  });
}
