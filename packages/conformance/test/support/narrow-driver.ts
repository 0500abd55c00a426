import { NotSupportedError } from "@trunkline/core";
import {
  type Address,
  type Capabilities,
  type Delivery,
  type Driver,
  type DriverFactory,
  defineCapabilities,
  PRIORITIES,
  type Subscription,
} from "@trunkline/core/driver";
import { wrapDriver, wrapFactory } from "../../src/mutants/wrap.js";

/** What of the context of an event travels by default. */
const LISTED: readonly string[] = ["request_id", "user_id"];

/** A claim that the narrow driver does not make. */
type Unclaimed = "exchanges" | "exactNames";

function narrowed(claims: Capabilities): Capabilities {
  return defineCapabilities({ ...claims, exchanges: false, exactNames: false, eventContext: "listed" });
}

/**
 * A driver around another that can do less, and says so: its backend knows no exchanges, it takes no name but the plain ones
 * of A5, and it has a list for the context of events. All that it may refuse, it refuses.
 */
export function narrow(factory: DriverFactory): DriverFactory {
  const wrapped = wrapFactory(factory, (driver) => new NarrowNames(factory.name, driver).driver());
  return { ...wrapped, capabilities: (url) => narrowed(factory.capabilities(url)) };
}

class NarrowNames {
  readonly #name: string;
  readonly #inner: Driver;
  /** The exchange on which this transport uses each topic. */
  readonly #exchanges = new Map<string, string>();

  constructor(name: string, inner: Driver) {
    this.#name = name;
    this.#inner = inner;
  }

  driver(): Driver {
    const inner = this.#inner;
    return wrapDriver(inner, {
      capabilities: narrowed(inner.capabilities),
      eventContextKeys: LISTED,
      send: async (to, message, options) => inner.send(this.#backend(to), message, options),
      call: (to, request, sink, options) => {
        try {
          return inner.call(this.#backend(to), request, sink, options);
        } catch (error) {
          queueMicrotask(() => sink.lost(error as NotSupportedError, false)); // `#refuse` throws nothing else
          return { cancel: () => "no-connection", credit: () => {} };
        }
      },
      listen: async (what, deliver, options) =>
        inner.listen(this.#narrow(what), (delivery) => deliver(onExchange(delivery, what.address.exchange)), options),
    });
  }

  #narrow(what: Subscription): Subscription {
    if (what.kind === "rpc") return { ...what, address: this.#backend(what.address) };
    if (what.pool !== undefined) this.#check("pool", what.pool, /[.*#>$]/);
    return { ...what, address: this.#backend(what.address) };
  }

  /** The address as the backend has it: on the one exchange that there is. */
  #backend(address: Address): Address {
    const { topic, server, exchange } = address;
    this.#check("topic", topic, /[.*#>$]/);
    if (server !== undefined) this.#check("server", server, /[*#>$]/);
    if (PRIORITIES.some((priority) => priority === server)) this.#refuse("exactNames", `the server "${server}"`);
    const known = this.#exchanges.get(topic) ?? exchange;
    if (known !== exchange) this.#refuse("exchanges", `topic "${topic}" on the exchanges "${known}" and "${exchange}"`);
    this.#exchanges.set(topic, exchange);
    return { ...address, exchange: "the only one", memo: undefined };
  }

  #check(role: string, name: string, strange: RegExp): void {
    if (strange.test(name) || Buffer.byteLength(name) > 100) this.#refuse("exactNames", `the ${role} "${name}"`);
  }

  #refuse(capability: Unclaimed, what: string): never {
    throw new NotSupportedError(`${what} needs the capability "${capability}"`, capability, this.#name);
  }
}

/** A delivery as it was sent to: the exchange is the one that its listener named. */
function onExchange(delivery: Delivery, exchange: string): Delivery {
  return new Proxy(delivery, {
    get(target, key) {
      if (key === "to") return { ...target.to, exchange };
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
