import type { Address, DriverFactory, ReplySink, Request } from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../wrap.js";
import { Present } from "./present.js";

const NOBODY: ReplySink = { accepted() {}, beat() {}, item() {}, end() {}, lost() {} };

/** M03: sends a request for one server of a topic to each that listens there. */
export function oneToAll(factory: DriverFactory): DriverFactory {
  const present = new Present();
  const directed = (to: Address): Address[] => {
    if (to.server !== undefined || to.fanout === true) return [];
    const names = new Set(present.on(to, "rpc").map(({ address }) => address.server));
    return [...names].flatMap((server) => (server === undefined ? [] : [{ ...to, server, memo: undefined }]));
  };
  return wrapFactory(factory, (driver) =>
    wrapDriver(driver, {
      send(to, message, options) {
        if (message.kind === "event") return driver.send(to, message, options);
        const [first = to, ...others] = directed(to);
        const sent = driver.send(first, message, options);
        for (const other of others) {
          driver.send(other, copyOf(message), { until: options.until, onCancel() {} }).catch(() => {});
        }
        return sent;
      },
      call(to, request, sink, options) {
        const [first = to, ...others] = directed(to);
        const { until } = options;
        for (const other of others) driver.call(other, copyOf(request), NOBODY, { until });
        return driver.call(first, request, sink, options);
      },
      listen: present.listening(driver),
    }),
  );
}

/** Under an id of its own: a message that is known already is not taken twice (B10). */
function copyOf(request: Request): Request {
  const { method, params, namespace, version, context, headers } = request;
  return { kind: "request", id: crypto.randomUUID(), method, params, namespace, version, context, headers };
}
