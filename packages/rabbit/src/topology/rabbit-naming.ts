import { type Address, hashName, type Priority } from "@trunkline/core/driver";
import type {
  ArgumentValue,
  BoundQueue,
  ExchangeDeclaration,
  QueueDeclaration,
  Route,
  Source,
  SourceKind,
} from "./declarations.js";
import type { Naming } from "./naming.js";

/** The options of `rabbit://` that change what a queue is, and with it what it is called. */
export interface RabbitTopologyOptions {
  /** Calls wait in quorum queues too. */
  readonly quorum: boolean;
  /** The most messages that a queue of requests holds; beyond, the broker refuses more. */
  readonly maxLength: number;
  /** The same of a queue of events. */
  readonly maxEvents: number;
  /** A queue that nobody has used for so long goes away, with what is in it. 0: never. */
  readonly expiresMs: number;
  /** Whether a sender declares the queue of those who listen without a pool, so that what it emits before they come waits there. */
  readonly keepsUnclaimedEvents: boolean;
  /** How long the queue of fanouts of a server that is gone collects more. */
  readonly fanoutExpiresMs: number;
  /** How long the inbox of a transport that is gone stays. */
  readonly inboxExpiresMs: number;
}

/** Of these no name says anything. */
export const RABBIT_TOPOLOGY: RabbitTopologyOptions = {
  quorum: false,
  maxLength: 100_000,
  maxEvents: 1_000_000,
  expiresMs: 0,
  keepsUnclaimedEvents: true,
  fanoutExpiresMs: 600_000,
  inboxExpiresMs: 600_000,
};

/** A server that does not read its fanouts misses those that come beyond so many. */
const MAX_FANOUTS = 10_000;
/** How long the queue of a delay outlives the last event that may wait in it; it counts from a declaration, whatever is sent to it. */
export const DELAY_IDLE_MS = 60_000;
/** The broker refuses a queue whose times are too long, and ends its channel; this it always takes. */
const LONGEST_DELAY_MS = 2 ** 32 - 1 - DELAY_IDLE_MS;
/** So that four parts, their kind and their options fit the 255 bytes of a name (AMQP 0-9-1: shortstr). */
const PART_BYTES = 65;

/** Where cancellations and what servers ask each other go, by topic. */
export const CONTROL_EXCHANGE: ExchangeDeclaration = {
  name: "trunkline.control",
  type: "direct",
  durable: true,
  autoDelete: false,
};

/**
 * The names of `rabbit://`, one table for ever (`docs/protocol-rabbit.md`): kind, exchange, topic and server, each escaped, so that
 * all of A5 holds. What changes a queue's arguments changes its name too, or peers would refuse each other (406).
 */
export class RabbitNaming implements Naming {
  readonly #options: RabbitTopologyOptions;

  constructor(options: RabbitTopologyOptions) {
    this.#options = options;
  }

  callRoute(to: Address): Route {
    return this.#toQueue(this.#requests("call", to), to, false);
  }

  castRoute(to: Address): Route {
    return this.#toQueue(this.#requests("cast", to), to, true);
  }

  fanoutRoute(to: Address): Route {
    const name = `every server of ${nameOf(to)}`;
    return { exchange: fanoutExchange(to), key: "", queues: [], isMandatory: false, isPersistent: true, name };
  }

  eventRoute(to: Address, priority: Priority): Route {
    return {
      exchange: eventExchange(to),
      key: priority,
      queues: this.#options.keepsUnclaimedEvents ? [this.#events(to, priority, undefined)] : [],
      isMandatory: false,
      isPersistent: true,
      name: `events of ${nameOf(to)}`,
    };
  }

  queueRoute(queue: string, isPersistent: boolean): Route {
    return { exchange: undefined, key: queue, queues: [], isMandatory: true, isPersistent, name: `queue "${queue}"` };
  }

  inbox(instance: string): QueueDeclaration {
    return durable(join("inbox", instance), { "x-expires": this.#options.inboxExpiresMs });
  }

  /** What the servers of a topic are reached by on {@link CONTROL_EXCHANGE}. */
  controlKey({ exchange, topic }: Address): string {
    return `${part(exchange)}.${part(topic)}`;
  }

  /** From which every server of the topic consumes. */
  sharedQueue({ server: _, ...topic }: Address): QueueDeclaration {
    return this.#requests("call", topic);
  }

  /** Where an event of `queue` waits for so many whole ms until it comes back there. */
  delayQueue(queue: string, askedMs: number): QueueDeclaration {
    const delayMs = Math.min(askedMs, LONGEST_DELAY_MS);
    return durable(`trunkline.delay-${delayMs}.${hashName(queue, { maxBytes: 200 })}`, {
      "x-queue-type": "quorum",
      "x-message-ttl": delayMs,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": queue,
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
      "x-expires": delayMs + DELAY_IDLE_MS,
    });
  }

  rpcSources(address: Address, instance: string): readonly Source[] {
    const { server, ...topic } = address;
    const fanout: BoundQueue = {
      queue: durable(join("fanout", topic.exchange, topic.topic, instance), {
        "x-max-length": MAX_FANOUTS,
        "x-overflow": "reject-publish",
        "x-expires": this.#options.fanoutExpiresMs,
      }),
      bindings: [{ exchange: fanoutExchange(topic), key: "" }],
    };
    return [
      source("call", "topic", { queue: this.#requests("call", topic), bindings: [] }),
      source("cast", "topic", { queue: this.#requests("cast", topic), bindings: [] }),
      source("call", "server", { queue: this.#requests("call", address), bindings: [] }),
      source("cast", "server", { queue: this.#requests("cast", address), bindings: [] }),
      source("fanout", "fanout", fanout, true),
    ];
  }

  eventSources(address: Address, priorities: readonly Priority[], pool: string | undefined): readonly Source[] {
    return priorities.map((priority) => source("event", "topic", this.#events(address, priority, pool)));
  }

  optionOf(): undefined {
    // What differs is called differently: a queue of ours that is otherwise was not made by us.
    return undefined;
  }

  #toQueue(queue: QueueDeclaration, to: Address, isPersistent: boolean): Route {
    const { name } = queue;
    return { exchange: undefined, key: name, queues: [], isMandatory: true, isPersistent, name: nameOf(to) };
  }

  /** Calls are transient messages in a classic queue; casts are durable, and only a quorum queue tells for sure what was delivered. */
  #requests(kind: "call" | "cast", { exchange, topic, server }: Address): QueueDeclaration {
    const { quorum, maxLength, expiresMs } = this.#options;
    const isQuorum = kind === "cast" || quorum;
    const marks = [
      ...(kind === "call" && quorum ? ["quorum"] : []),
      ...(maxLength === RABBIT_TOPOLOGY.maxLength ? [] : [`max${maxLength}`]),
      ...(expiresMs === 0 ? [] : [`expires${expiresMs}`]),
    ];
    return durable(join([kind, ...marks].join("-"), exchange, topic, server), {
      ...(isQuorum ? { "x-queue-type": "quorum" } : {}),
      "x-max-length": maxLength,
      "x-overflow": "reject-publish",
      ...(expiresMs === 0 ? {} : { "x-expires": expiresMs }),
    });
  }

  #events(address: Address, priority: Priority, pool: string | undefined): BoundQueue {
    const { maxEvents, expiresMs } = this.#options;
    const marks = [
      ...(maxEvents === RABBIT_TOPOLOGY.maxEvents ? [] : [`max${maxEvents}`]),
      ...(expiresMs === 0 ? [] : [`expires${expiresMs}`]),
    ];
    const queue = durable(join(["event", ...marks].join("-"), address.exchange, address.topic, priority, pool), {
      "x-queue-type": "quorum",
      "x-max-length": maxEvents,
      "x-overflow": "reject-publish",
      ...(expiresMs === 0 ? {} : { "x-expires": expiresMs }),
    });
    return { queue, bindings: [{ exchange: eventExchange(address), key: priority }] };
  }
}

function fanoutExchange({ exchange, topic }: Address): ExchangeDeclaration {
  return { name: join("fanout", exchange, topic), type: "fanout", durable: true, autoDelete: false };
}

function eventExchange({ exchange, topic }: Address): ExchangeDeclaration {
  return { name: join("events", exchange, topic), type: "direct", durable: true, autoDelete: false };
}

function source(kind: SourceKind, scope: Source["scope"], bound: BoundQueue, isOwn = false): Source {
  return { ...bound, kind, scope, isOwn, consumerArguments: {} };
}

function durable(name: string, given: Readonly<Record<string, ArgumentValue>>): QueueDeclaration {
  return { name, durable: true, autoDelete: false, arguments: given };
}

/** A dot is in no escaped part, so that different parts give different names. */
function join(kind: string, ...parts: readonly (string | undefined)[]): string {
  return ["trunkline", kind, ...parts.filter((one) => one !== undefined).map(part)].join(".");
}

function part(name: string): string {
  return hashName(name, { maxBytes: PART_BYTES });
}

function nameOf({ topic, server }: Address): string {
  return `topic "${topic}"${server === undefined ? "" : ` on server "${server}"`}`;
}
