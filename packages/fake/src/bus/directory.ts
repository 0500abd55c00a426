import type { Priority, Subscription } from "@trunkline/core/driver";
import type { Destination } from "../link/frames.js";
import { AddressQueue } from "./address-queue.js";

/**
 * Which queues there are. Names are compared whole: a key is the JSON text of its parts, so that no name can look like two (A5).
 * RPC and events have queues of their own on a topic of one name (A8).
 */
export class Directory {
  readonly #random: () => number;
  readonly #queues: Map<string, AddressQueue> = new Map();
  readonly #fanouts: Set<AddressQueue> = new Set();
  /** By topic and priority, then by the pool; the nameless pool is null (C3). */
  readonly #pools: Map<string, Map<string | null, AddressQueue>> = new Map();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The queue of a request: its topic's, or the one of the server that it names. It goes when nobody needs it any more. */
  requests(to: Destination): AddressQueue {
    const { realm, exchange, topic, server } = to;
    const key = JSON.stringify(server === undefined ? [realm, exchange, topic] : [realm, exchange, topic, server]);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new AddressQueue({
        name: `topic ${JSON.stringify(topic)}${server === undefined ? "" : ` on server ${JSON.stringify(server)}`}`,
        stores: false,
        random: this.#random,
        onIdle: () => this.#queues.delete(key),
      });
      this.#queues.set(key, queue);
    }
    return queue;
  }

  /** One listener's queue of fanouts: under no key, since no message is addressed to it. */
  fanouts(topic: string): AddressQueue {
    const queue = new AddressQueue({
      name: `fanouts of topic ${JSON.stringify(topic)}`,
      stores: false,
      random: this.#random,
      onIdle: () => this.#fanouts.delete(queue),
    });
    this.#fanouts.add(queue);
    return queue;
  }

  /** The pools that events of this priority go to: those that ever had a listener for it (C2, C8). */
  pools(to: Destination, priority: Priority): AddressQueue[] {
    return [...(this.#pools.get(poolsKey(to, priority))?.values() ?? [])];
  }

  /** Every queue that a listener draws from, its fanouts aside. */
  queuesOf(what: Subscription): AddressQueue[] {
    if (what.kind === "rpc") {
      const { realm, exchange, topic, server } = what.address;
      const shared = this.requests({ realm, exchange, topic });
      return server === undefined ? [shared] : [shared, this.requests({ realm, exchange, topic, server })];
    }
    return what.priorities.map((priority) => this.#pool(what.address, priority, what.pool ?? null));
  }

  *[Symbol.iterator](): Generator<AddressQueue> {
    yield* this.#queues.values();
    yield* this.#fanouts;
    for (const pools of this.#pools.values()) yield* pools.values();
  }

  /** Forgets which pools there were. */
  clear(): void {
    this.#queues.clear();
    this.#fanouts.clear();
    this.#pools.clear();
  }

  #pool(to: Destination, priority: Priority, pool: string | null): AddressQueue {
    const key = poolsKey(to, priority);
    const pools = this.#pools.get(key) ?? new Map<string | null, AddressQueue>();
    this.#pools.set(key, pools);
    let queue = pools.get(pool);
    if (queue === undefined) {
      const name = `${priority} events of topic ${JSON.stringify(to.topic)}${pool === null ? "" : ` for pool ${JSON.stringify(pool)}`}`;
      queue = new AddressQueue({ name, stores: true, random: this.#random, onIdle: () => {} });
      pools.set(pool, queue);
    }
    return queue;
  }
}

function poolsKey(to: Destination, priority: Priority): string {
  return JSON.stringify([to.realm, to.exchange, to.topic, priority]);
}
