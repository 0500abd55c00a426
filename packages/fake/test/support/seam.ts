/** The seam as core would use it, bare: transports on a bus, messages, and a listener that remembers what it got. */
import {
  type Address,
  type CallHandle,
  type CallOptions,
  type Delivery,
  type Driver,
  type DriverEvents,
  type Event,
  type Listener,
  type MessagingError,
  type Outcome,
  type Priority,
  type Receipt,
  type Request,
  type Subscription,
  silentLogger,
  systemClock,
  type TransportUrl,
  type Value,
  type WaitState,
} from "@trunkline/core/driver";
import type { ManualClock } from "@trunkline/core/testing";
import { driver, type FakeBus, fakeBus } from "../../src/index.js";

let names = 0;

/** A bus of the test's own. */
export function uniqueBus(): string {
  names += 1;
  return `bus-${names}`;
}

export function urlOf(bus: string, options: Record<string, unknown> = {}, realm = ""): TransportUrl {
  const query = Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)]));
  const hosts = bus === "" ? [] : [{ host: bus }];
  const text = (): string => `fake://${bus}/${realm}`;
  return { scheme: "fake", hosts, realm, query, options: query, toString: text, toSecretString: text };
}

export interface Opening {
  readonly clock?: ManualClock;
  readonly realm?: string;
  readonly options?: Record<string, unknown>;
  readonly random?: () => number;
}

export interface CallRecord {
  readonly handle: CallHandle;
  readonly done: Promise<Outcome | { readonly error: MessagingError; readonly mayHaveRun: boolean }>;
  readonly peers: string[];
  beats: number;
  /** How often the sink heard an end. */
  ends: number;
}

export interface SendRecord {
  readonly receipt: Promise<Receipt>;
  cancel(toError: (wait: WaitState) => MessagingError): void;
}

/** One open transport with short words for what tests do. */
export class Peer {
  readonly driver: Driver;
  readonly realm: string;
  readonly now: () => number;
  readonly heard: { [Name in keyof DriverEvents]: DriverEvents[Name][] } = {
    status: [],
    warning: [],
    dropped: [],
    castsLost: [],
  };

  constructor(opened: Driver, realm: string, now: () => number) {
    this.driver = opened;
    this.realm = realm;
    this.now = now;
    opened.events.on("status", (event) => this.heard.status.push(event));
    opened.events.on("warning", (event) => this.heard.warning.push(event));
    opened.events.on("dropped", (event) => this.heard.dropped.push(event));
    opened.events.on("castsLost", (event) => this.heard.castsLost.push(event));
  }

  static async open(bus: string, opening: Opening = {}): Promise<Peer> {
    const clock = opening.clock ?? systemClock;
    const realm = opening.realm ?? "";
    const host = {
      clock,
      logger: silentLogger,
      random: opening.random ?? Math.random,
      newId: () => crypto.randomUUID(),
    };
    const opened = await driver.open(urlOf(bus, opening.options, realm), host, { connectTimeoutMs: 1_000 });
    return new Peer(opened, realm, () => clock.now());
  }

  to(topic: string, server?: string, exchange = "default"): Address {
    return { realm: this.realm, exchange, topic, ...(server === undefined ? {} : { server }) };
  }

  call(to: Address, request: Request, options: Partial<CallOptions> & { forMs?: number } = {}): CallRecord {
    let resolve: (outcome: Awaited<CallRecord["done"]>) => void = () => {};
    const done = new Promise<Awaited<CallRecord["done"]>>((settle) => {
      resolve = settle;
    });
    const record = { done, peers: [] as string[], beats: 0, ends: 0 };
    const handle = this.driver.call(
      to,
      request,
      {
        accepted: (peer) => void record.peers.push(peer),
        beat: () => {
          record.beats += 1;
        },
        item: () => {},
        end: (outcome) => {
          record.ends += 1;
          resolve(outcome);
        },
        lost: (error, mayHaveRun) => {
          record.ends += 1;
          resolve({ error, mayHaveRun });
        },
      },
      { until: this.now() + (options.forMs ?? 60_000), monitorMs: options.monitorMs, stream: options.stream },
    );
    return Object.assign(record, { handle });
  }

  send(to: Address, message: Request | Event, forMs = 30_000): SendRecord {
    let cancel: SendRecord["cancel"] = () => {};
    const receipt = this.driver.send(to, message, {
      until: this.now() + forMs,
      onCancel: (handle) => {
        cancel = (toError) => handle.cancel(toError);
      },
    });
    // A test looks at the outcome when it is ready to.
    receipt.catch(() => {});
    return { receipt, cancel: (toError) => cancel(toError) };
  }

  cast(to: Address, message: Request | Event): Promise<Receipt> {
    return this.send(to, message).receipt;
  }

  serve(topic: string, server: string, options: Partial<ConsumerOptions> = {}): Promise<Consumer> {
    return this.#listen({ kind: "rpc", address: this.to(topic, server, options.exchange) }, options);
  }

  events(topic: string, options: Partial<ConsumerOptions> = {}): Promise<Consumer> {
    const { pool, priorities = ["info"], exchange } = options;
    return this.#listen(
      {
        kind: "events",
        address: this.to(topic, undefined, exchange),
        priorities,
        ...(pool === undefined ? {} : { pool }),
      },
      options,
    );
  }

  close(): Promise<void> {
    return this.driver.close();
  }

  async #listen(what: Subscription, options: Partial<ConsumerOptions>): Promise<Consumer> {
    const consumer = new Consumer(options);
    const acknowledge = options.acknowledge ?? "on-settle";
    consumer.listener = await this.driver.listen(what, (delivery) => consumer.receive(delivery), {
      credit: options.credit ?? 128,
      acknowledge,
    });
    consumer.isReady = true;
    return consumer;
  }
}

export interface ConsumerOptions {
  readonly credit: number;
  readonly acknowledge: "on-take" | "on-settle";
  readonly pool: string;
  readonly priorities: readonly Priority[];
  readonly exchange: string;
  /** Takes and answers each delivery as it comes, with its own params or payload. Else they are kept. */
  readonly answers: boolean;
}

/** A listener that records, and answers at once or when told. */
export class Consumer {
  readonly deliveries: Delivery[] = [];
  listener!: Listener;
  /** `listen` has resolved: nothing may come before. */
  isReady = false;
  readonly #answers: boolean;

  constructor(options: Partial<ConsumerOptions>) {
    this.#answers = options.answers ?? false;
  }

  get messages(): (Request | Event)[] {
    return this.deliveries.map((delivery) => delivery.message);
  }

  /** The `n` of each message, in order of arrival. */
  get numbers(): Value[] {
    return this.messages.map(numberOf);
  }

  receive(delivery: Delivery): void {
    if (!this.isReady) throw new Error("a delivery came before listen had resolved");
    this.deliveries.push(delivery);
    if (!this.#answers) return;
    if (!delivery.take()) {
      delivery.settle("reject");
      return;
    }
    delivery.settle("done", { ok: true, value: numberOf(delivery.message) });
  }

  at(index: number): Delivery {
    const delivery = this.deliveries[index];
    if (delivery === undefined) throw new Error(`no delivery ${index}; there are ${this.deliveries.length}`);
    return delivery;
  }
}

export function numberOf(message: Request | Event): Value {
  if (message.kind === "request") return message.params["n"] ?? null;
  const { payload } = message;
  return typeof payload === "object" && payload !== null && "n" in payload
    ? (Reflect.get(payload, "n") as Value)
    : null;
}

export function paramsOf(delivery: Delivery): unknown {
  return delivery.message.kind === "request" ? delivery.message.params : undefined;
}

export function request(n: Value, more: Partial<Request> = {}): Request {
  return { kind: "request", id: crypto.randomUUID(), context: {}, headers: {}, method: "do", params: { n }, ...more };
}

export function event(n: Value, more: Partial<Event> = {}): Event {
  return {
    kind: "event",
    id: crypto.randomUUID(),
    context: {},
    headers: {},
    publisherId: "tests",
    eventType: "test.event",
    priority: "info",
    payload: { n },
    timestamp: "2024-01-02T03:04:05.678Z",
    ...more,
  };
}

/** The controls of a bus, reset when the test is over. */
export function controlsOf(bus: string, after: (cleanup: () => void) => void): FakeBus {
  const controls = fakeBus(bus);
  after(() => controls.reset());
  return controls;
}
