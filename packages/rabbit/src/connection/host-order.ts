/** One broker that a connection may be made to. */
export interface BrokerHost {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** `in-turn`: as the URL lists them, from the one after the last that was tried. `shuffle`: each round in a new random order. */
export type FailoverOrder = "in-turn" | "shuffle";

/** In which order the hosts of a URL are tried. */
export class HostOrder {
  readonly #hosts: readonly BrokerHost[];
  readonly #order: FailoverOrder;
  readonly #random: () => number;
  #round: BrokerHost[] = [];

  /** @param hosts at least one. */
  constructor(hosts: readonly BrokerHost[], order: FailoverOrder, random: () => number) {
    this.#hosts = hosts;
    this.#order = order;
    this.#random = random;
  }

  /** The next to try, and whether every other one of this round was tried before it. */
  next(): { readonly host: BrokerHost; readonly isLast: boolean } {
    if (this.#round.length === 0) this.#round = this.#order === "shuffle" ? this.#shuffled() : [...this.#hosts];
    const host = this.#round.shift();
    if (host === undefined) throw new RangeError("there is no host to try");
    return { host, isLast: this.#round.length === 0 };
  }

  /** Fisher and Yates. */
  #shuffled(): BrokerHost[] {
    const left = [...this.#hosts];
    const order: BrokerHost[] = [];
    while (left.length > 0) order.push(...left.splice(Math.floor(this.#random() * left.length), 1));
    return order;
  }
}

/** For people; without credentials (F4). */
export function placeOf({ host, port }: BrokerHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
