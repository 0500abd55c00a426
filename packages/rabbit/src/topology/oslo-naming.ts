import { type Address, PRIORITIES, type Priority } from "@trunkline/core/driver";
import type {
  ArgumentValue,
  BoundQueue,
  ExchangeDeclaration,
  QueueDeclaration,
  Route,
  Source,
} from "./declarations.js";
import type { NameRegistry } from "./name-registry.js";
import type { Naming } from "./naming.js";

/** The options of oslo.messaging that change what is declared (group `oslo_messaging_rabbit`), under their own names. */
export interface OsloTopologyOptions {
  readonly amqp_durable_queues: boolean;
  readonly amqp_auto_delete: boolean;
  readonly rabbit_ha_queues: boolean;
  readonly rabbit_quorum_queue: boolean;
  /** 0: no limit is declared. */
  readonly rabbit_quorum_delivery_limit: number;
  readonly rabbit_quorum_max_memory_length: number;
  readonly rabbit_quorum_max_memory_bytes: number;
  readonly rabbit_transient_quorum_queue: boolean;
  /** Seconds; 0: reply and fanout queues do not expire. */
  readonly rabbit_transient_queues_ttl: number;
  readonly enable_cancel_on_failover: boolean;
  readonly use_queue_manager: boolean;
  readonly hostname: string;
  readonly processname: string;
}

/** The last number of the queue manager's queues, by process as it is called: all transports of this one count together. */
const managed: Map<string, number> = new Map();

/** AMQP 0-9-1: shortstr. */
const MAX_NAME_BYTES = 255;

/** Words that mean something in the binding of a topic exchange. */
const WILDCARDS: ReadonlySet<string> = new Set(["*", "#"]);

/**
 * oslo.messaging's names, arguments and bindings, so that its processes and ours share queues. They carry neither the exchange nor
 * what a queue is for: what would collide or act as a wildcard is refused.
 */
export class OsloNaming implements Naming {
  readonly #options: OsloTopologyOptions;
  readonly #registry: NameRegistry;

  constructor(options: OsloTopologyOptions, registry: NameRegistry) {
    this.#options = options;
    this.#registry = registry;
  }

  callRoute(to: Address): Route {
    return this.#requestRoute(to);
  }

  castRoute(to: Address): Route {
    return this.#requestRoute(to);
  }

  fanoutRoute(to: Address): Route {
    this.#checkRequests(to);
    const name = `every server of topic "${to.topic}"`;
    const exchange = this.#fanoutExchange(to.topic);
    return { exchange, key: "", queues: [], isMandatory: false, isPersistent: true, name };
  }

  eventRoute(to: Address, priority: Priority): Route {
    const bound = this.#events(to, [priority], undefined);
    return {
      exchange: this.#exchange(to),
      key: bound.queue.name,
      queues: [bound],
      isMandatory: false,
      isPersistent: true,
      name: `events of topic "${to.topic}"`,
    };
  }

  queueRoute(queue: string, isPersistent: boolean): Route {
    return { exchange: undefined, key: queue, queues: [], isMandatory: true, isPersistent, name: `queue "${queue}"` };
  }

  inbox(instance: string): QueueDeclaration {
    return this.#transient(`reply_${this.#suffix(instance)}`);
  }

  rpcSources(address: Address, instance: string): readonly Source[] {
    const { topic, server = "" } = address;
    this.#checkRequests(address);
    this.#checkRequests({ exchange: address.exchange, topic });
    const exchange = this.#exchange(address);
    const requests = (queue: string, scope: "topic" | "server"): Source =>
      this.#source({ queue: this.#lasting(queue), bindings: [{ exchange, key: queue }] }, "rpc", scope);
    const fanout = this.#transient(`${topic}_fanout_${this.#suffix(instance)}`);
    return [
      requests(topic, "topic"),
      requests(`${topic}.${server}`, "server"),
      {
        ...this.#source(
          { queue: fanout, bindings: [{ exchange: this.#fanoutExchange(topic), key: topic }] },
          "fanout",
          "fanout",
        ),
        isOwn: !this.#options.use_queue_manager,
      },
    ];
  }

  eventSources(address: Address, priorities: readonly Priority[], pool: string | undefined): readonly Source[] {
    const sourceOf = (ofThese: readonly Priority[]): Source =>
      this.#source(this.#events(address, ofThese, pool), "event", "topic");
    // A pool has one queue, whatever it is bound to.
    return pool === undefined ? priorities.map((priority) => sourceOf([priority])) : [sourceOf(priorities)];
  }

  optionOf(argument: string): string | undefined {
    switch (argument) {
      case "durable":
        return "amqp_durable_queues";
      case "auto_delete":
        return "amqp_auto_delete";
      case "x-queue-type":
        return "rabbit_quorum_queue";
      case "x-ha-policy":
        return "rabbit_ha_queues";
      case "x-expires":
        return "rabbit_transient_queues_ttl";
      case "x-delivery-limit":
        return "rabbit_quorum_delivery_limit";
      case "x-max-in-memory-length":
        return "rabbit_quorum_max_memory_length";
      case "x-max-in-memory-bytes":
        return "rabbit_quorum_max_memory_bytes";
      default:
        return undefined;
    }
  }

  #requestRoute(to: Address): Route {
    this.#checkRequests(to);
    return {
      exchange: this.#exchange(to),
      key: this.#short(keyOf(to)),
      queues: [],
      isMandatory: true,
      isPersistent: true,
      name: `topic "${to.topic}"${to.server === undefined ? "" : ` on server "${to.server}"`}`,
    };
  }

  #events({ topic, exchange, realm }: Address, priorities: readonly Priority[], pool: string | undefined): BoundQueue {
    const registry = this.#registry;
    this.#checkName("topic", topic);
    registry.claimTopic(topic, exchange);
    const bindings = priorities.map((priority) => {
      const key = `${topic}.${priority}`;
      if (pool === undefined) registry.claim("queue", key, `${priority} events of topic "${topic}"`);
      return { exchange: this.#exchange({ realm, exchange, topic }), key };
    });
    if (pool === undefined) return { queue: this.#lasting(bindings[0]?.key ?? topic), bindings };
    this.#checkName("pool", pool);
    registry.claim("queue", pool, `pool "${pool}"`);
    return { queue: this.#lasting(pool), bindings };
  }

  #checkRequests(address: Pick<Address, "topic" | "server" | "exchange">): void {
    const { topic, server, exchange } = address;
    this.#checkName("topic", topic);
    if (server !== undefined) this.#checkName("server", server);
    const last = (server ?? topic).split(".").at(-1);
    if ((server !== undefined || topic.includes(".")) && PRIORITIES.some((priority) => priority === last)) {
      const role = server === undefined ? "topic" : "server";
      const name = JSON.stringify(server ?? topic);
      this.#registry.refuse(
        "exactNames",
        `the ${role} ${name} would share its queue with the ${last} events of a topic`,
      );
    }
    this.#registry.claimTopic(topic, exchange);
    const of = server === undefined ? "" : ` on server "${server}"`;
    this.#registry.claim("queue", keyOf(address), `requests of topic "${topic}"${of}`);
  }

  #checkName(role: string, name: string): void {
    const shown = JSON.stringify(name);
    const refuse = (why: string): never => this.#registry.refuse("exactNames", `the ${role} ${shown} ${why}`);
    if (role !== "pool" && name.split(".").some((word) => WILDCARDS.has(word))) {
      refuse("would be a wildcard in a binding");
    }
    if (/^(amq\.|reply_)/.test(name)) refuse("begins as names of the broker or of reply queues do");
  }

  #exchange({ exchange }: Pick<Address, "exchange" | "realm" | "topic">): ExchangeDeclaration {
    if (exchange.endsWith("_fanout")) {
      this.#registry.refuse("exactNames", `the exchange ${JSON.stringify(exchange)} is called as one for fanouts`);
    }
    this.#registry.claim("exchange", exchange, `the exchange "${exchange}"`);
    const { amqp_durable_queues: durable, amqp_auto_delete: autoDelete } = this.#options;
    return { name: exchange, type: "topic", durable: durable || this.#options.rabbit_quorum_queue, autoDelete };
  }

  #fanoutExchange(topic: string): ExchangeDeclaration {
    const name = this.#short(`${topic}_fanout`);
    this.#registry.claim("exchange", name, `fanouts of topic "${topic}"`);
    return { name, type: "fanout", durable: this.#options.rabbit_transient_quorum_queue, autoDelete: true };
  }

  /** The queues of requests, events and pools. */
  #lasting(name: string): QueueDeclaration {
    const options = this.#options;
    const quorum: [string, ArgumentValue][] = options.rabbit_quorum_queue
      ? [
          ["x-queue-type", "quorum"],
          ...unlessZero("x-delivery-limit", options.rabbit_quorum_delivery_limit),
          ...unlessZero("x-max-in-memory-length", options.rabbit_quorum_max_memory_length),
          ...unlessZero("x-max-in-memory-bytes", options.rabbit_quorum_max_memory_bytes),
        ]
      : [];
    return {
      name: this.#short(name),
      durable: options.amqp_durable_queues || options.rabbit_quorum_queue,
      autoDelete: options.amqp_auto_delete,
      arguments: Object.fromEntries([...this.#ha(), ...quorum]),
    };
  }

  /** The queues of replies and fanouts. */
  #transient(name: string): QueueDeclaration {
    const { rabbit_transient_quorum_queue: isQuorum, rabbit_transient_queues_ttl: seconds } = this.#options;
    const quorum: [string, ArgumentValue][] = isQuorum ? [["x-queue-type", "quorum"]] : [];
    return {
      name: this.#short(name),
      durable: isQuorum,
      autoDelete: false,
      arguments: Object.fromEntries([...this.#ha(), ...unlessZero("x-expires", seconds * 1_000), ...quorum]),
    };
  }

  #ha(): [string, ArgumentValue][] {
    return this.#options.rabbit_ha_queues ? [["x-ha-policy", "all"]] : [];
  }

  #source(bound: BoundQueue, kind: Source["kind"], scope: Source["scope"]): Source {
    const consumerArguments = this.#options.enable_cancel_on_failover ? { "x-cancel-on-ha-failover": true } : {};
    return { ...bound, kind, scope, isOwn: false, consumerArguments };
  }

  /** The queue manager gives each queue of a process a number, so that one that comes again finds them. */
  #suffix(instance: string): string {
    const { use_queue_manager: isManaged, hostname, processname } = this.#options;
    if (!isManaged) return instance;
    const process = `${hostname}:${processname}`;
    const number = (managed.get(process) ?? 0) + 1;
    managed.set(process, number);
    return `${process}:${number}`;
  }

  #short(name: string): string {
    const bytes = Buffer.byteLength(name);
    if (bytes <= MAX_NAME_BYTES) return name;
    return this.#registry.refuse(
      "exactNames",
      `the queue ${JSON.stringify(`${name.slice(0, 40)}…`)} would have a name of ${bytes} bytes, where ${MAX_NAME_BYTES} are possible`,
    );
  }
}

function keyOf({ topic, server }: Pick<Address, "topic" | "server">): string {
  return server === undefined ? topic : `${topic}.${server}`;
}

function unlessZero(argument: string, value: number): [string, ArgumentValue][] {
  return value === 0 ? [] : [[argument, value]];
}
