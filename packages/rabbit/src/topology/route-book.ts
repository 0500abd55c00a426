import type { Address, Priority } from "@trunkline/core/driver";
import type { Route } from "./declarations.js";
import type { Naming } from "./naming.js";

/** The routes of so many addresses are kept. */
const REMEMBERED = 10_000;

/** The routes to one address, each worked out when it is first needed. */
export class Routes {
  readonly #naming: Naming;
  readonly #to: Address;
  readonly #events: Map<Priority, Route> = new Map();
  #call: Route | undefined;
  #cast: Route | undefined;

  constructor(naming: Naming, { realm, exchange, topic, server, fanout }: Address) {
    this.#naming = naming;
    this.#to = {
      realm,
      exchange,
      topic,
      ...(server === undefined ? {} : { server }),
      ...(fanout === undefined ? {} : { fanout }),
    };
  }

  /** True where these are the routes of that address too. */
  fit({ realm, exchange, topic, server, fanout }: Address): boolean {
    const own = this.#to;
    return (
      own.topic === topic &&
      own.server === server &&
      own.exchange === exchange &&
      own.fanout === fanout &&
      own.realm === realm
    );
  }

  /** @throws NotSupportedError, as every one of these, for a name that the naming cannot keep apart. */
  get call(): Route {
    this.#call ??= this.#naming.callRoute(this.#to);
    return this.#call;
  }

  /** Of a fanout, to every server. */
  get cast(): Route {
    this.#cast ??= this.#to.fanout === true ? this.#naming.fanoutRoute(this.#to) : this.#naming.castRoute(this.#to);
    return this.#cast;
  }

  event(priority: Priority): Route {
    const known = this.#events.get(priority);
    if (known !== undefined) return known;
    const made = this.#naming.eventRoute(this.#to, priority);
    this.#events.set(priority, made);
    return made;
  }
}

/** Finds the routes to an address: in the place that core keeps for it, else by its names. */
export class RouteBook {
  readonly #naming: Naming;
  readonly #routes: Map<string, Routes> = new Map();

  constructor(naming: Naming) {
    this.#naming = naming;
  }

  of(to: Address): Routes {
    const { memo } = to;
    if (memo instanceof Remembered && memo.book === this && memo.routes.fit(to)) return memo.routes;
    const routes = this.#find(to);
    to.memo = new Remembered(this, routes);
    return routes;
  }

  #find(to: Address): Routes {
    const key = JSON.stringify([to.exchange, to.topic, to.server ?? 0, to.fanout ?? false]);
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#routes.size >= REMEMBERED ? this.#routes.keys() : [];
    if (oldest !== undefined) this.#routes.delete(oldest);
    const made = new Routes(this.#naming, to);
    this.#routes.set(key, made);
    return made;
  }
}

class Remembered {
  readonly book: RouteBook;
  readonly routes: Routes;

  constructor(book: RouteBook, routes: Routes) {
    this.book = book;
    this.routes = routes;
  }
}
