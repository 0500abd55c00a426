import {
  type Address,
  ClosedError,
  type Delivery,
  DuplicateWindow,
  type Listener,
  type ListenOptions,
  type Subscription,
} from "@trunkline/core/driver";
import { listenFailure } from "../connection/broker-error.js";
import type { ControlBus } from "../control/control-bus.js";
import type { Settings } from "../options/settings.js";
import { RabbitNaming } from "../topology/rabbit-naming.js";
import { hexId } from "../wire/ids.js";
import type { AttemptBook } from "./attempt-book.js";
import { DelayQueues } from "./delay-queues.js";
import { DurableServer } from "./durable-server.js";
import { EventListener } from "./event-listener.js";
import { DUPLICATE_WINDOW, type Ledger } from "./ledger.js";
import type { ListenerHost } from "./listener-host.js";
import { OsloRequeuer } from "./oslo-requeuer.js";
import { OsloServer } from "./oslo-server.js";
import type { RpcDelivery } from "./rpc-delivery.js";

/** What a driver does with those of either naming. */
type OpenListener = DurableServer | OsloServer | EventListener;

export interface ListenersParts {
  readonly host: ListenerHost;
  readonly driverName: string;
  readonly settings: Settings;
  readonly ledger: Ledger<RpcDelivery>;
  /** Where the naming has one. */
  readonly control: ControlBus | undefined;
  /** Of the process. */
  readonly attempts: AttemptBook;
}

/** The listeners of one transport: which kind serves a subscription, and who is open. */
export class Listeners {
  readonly #parts: ListenersParts;
  readonly #window: DuplicateWindow;
  readonly #open: Set<OpenListener> = new Set();
  readonly #starting: Set<Promise<unknown>> = new Set();
  #isClosed = false;

  constructor(parts: ListenersParts) {
    this.#parts = parts;
    this.#window = new DuplicateWindow({ ...DUPLICATE_WINDOW, clock: parts.host.clock });
  }

  get count(): number {
    return this.#open.size;
  }

  /** Messages that were delivered and are not settled, of all listeners. */
  get inHand(): number {
    let inHand = 0;
    for (const listener of this.#open) inHand += listener.inHand;
    return inHand;
  }

  /** Resolves when the broker has said that it consumes. @throws what `listenFailure` says; nothing is left then. */
  start(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    const starting = this.#start(what, deliver, options);
    this.#starting.add(starting);
    // Whoever asked hears how it went.
    starting.then(
      () => this.#starting.delete(starting),
      () => this.#starting.delete(starting),
    );
    return starting;
  }

  /** Resolves when none is open, and none is on its way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((listener) => listener.close()));
    await Promise.allSettled([...this.#starting]);
  }

  get #prefetch(): number {
    const { settings } = this.#parts;
    return settings.naming === "oslo" ? settings.prefetch : 0;
  }

  async #start(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    const listener =
      what.kind === "rpc" ? this.#server(what.address, deliver, options) : this.#eventListener(what, deliver, options);
    this.#open.add(listener);
    try {
      if (what.kind === "rpc") await this.#parts.control?.serve(what.address);
      // Closed meanwhile, it would consume once more.
      if (this.#isClosed) throw new ClosedError("the transport was closed");
      const started = await listener.start();
      if (what.kind === "rpc") this.#parts.control?.consumes(what.address);
      return started;
    } catch (error) {
      await listener.close();
      throw listenFailure(listener.name, error);
    }
  }

  #server(address: Address, deliver: (delivery: Delivery) => void, options: ListenOptions): DurableServer | OsloServer {
    const { host, driverName, ledger, control } = this.#parts;
    const instance = hexId(host.newId());
    const sources = host.naming.rpcSources(address, instance);
    const common = { host, driverName, address, sources, options, deliver };
    if (control === undefined) {
      const server: OsloServer = new OsloServer({
        ...common,
        instance,
        window: this.#window,
        prefetch: this.#prefetch,
        onEnd: () => this.#open.delete(server),
      });
      return server;
    }
    const server: DurableServer = new DurableServer({
      ...common,
      instance,
      ledger,
      claims: control,
      onEnd: () => {
        this.#open.delete(server);
        control.leave(address);
      },
    });
    return server;
  }

  #eventListener(
    { address, priorities, pool }: Extract<Subscription, { readonly kind: "events" }>,
    deliver: (delivery: Delivery) => void,
    options: ListenOptions,
  ): EventListener {
    const { host, driverName, attempts } = this.#parts;
    const { naming } = host;
    const listener: EventListener = new EventListener({
      host,
      driverName,
      address,
      priorities,
      sources: naming.eventSources(address, priorities, pool),
      options,
      requeuer: naming instanceof RabbitNaming ? new DelayQueues(naming, host) : new OsloRequeuer(host, attempts),
      prefetch: this.#prefetch,
      deliver,
      onEnd: () => this.#open.delete(listener),
    });
    return listener;
  }
}
