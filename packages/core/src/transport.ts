import type { Capabilities } from "./capabilities.js";
import { ClosedError, type MessagingError } from "./errors.js";
import type { TypedEvents } from "./host.js";
import type { BatchOptions } from "./notify/batch.js";
import type { BatchNotificationEndpoint, NotificationEndpoint } from "./notify/endpoint.js";
import type { NotificationListenerOptions } from "./notify/listener-options.js";
import { type NotificationListener, startListening } from "./notify/notification-listener.js";
import { createNotifier, type Notifier } from "./notify/notifier.js";
import type { NotifierOptions } from "./notify/notifier-options.js";
import { notifyHost } from "./notify/transport-host.js";
import { checkRequirements, type Requirements } from "./refusal.js";
import { RpcClient } from "./rpc/client.js";
import type { ClientOptions } from "./rpc/client-options.js";
import { RpcServer } from "./rpc/server.js";
import type { ServerOptions } from "./rpc/server-options.js";
import type { DriverStats } from "./seam.js";
import type { Target } from "./target.js";
import type { TransportCore, TransportEvents } from "./transport-core.js";
import type { TransportUrl } from "./transport-url.js";

/** A server or a listener: what a closing transport must drain. */
interface Running {
  stop(): Promise<void>;
  readonly closed: Promise<MessagingError | undefined>;
}

/**
 * An application's handle on a backend: it makes clients, servers, notifiers and listeners, and owns all that they use.
 *
 * Made by `openTransport`. Safe to use concurrently; nothing of it outlives `close`.
 */
export class Transport {
  readonly #core: TransportCore;
  readonly #running: Set<Running> = new Set();
  #closing: Promise<void> | undefined;
  /** As given, with the driver's options resolved. `toString()` carries no credentials (F4). */
  readonly url: TransportUrl;

  /** @internal Use `openTransport`. */
  constructor(core: TransportCore, url: TransportUrl) {
    this.#core = core;
    this.url = url;
  }

  /** The manifest (H): what this driver does. Frozen. */
  get capabilities(): Capabilities {
    return this.#core.capabilities;
  }

  /** The driver's package. */
  get driverName(): string {
    return this.#core.driverName;
  }

  /** `status`, `warning`, `dropped`, `castsLost` of the driver (E5, B12, F1), and `handlerError`. An event that nobody hears crashes nobody. */
  get events(): TypedEvents<TransportEvents> {
    return this.#core.events;
  }

  /**
   * A client for a target, which needs a topic. Does no I/O.
   * @throws InvalidTargetError, InvalidArgumentError, NotSupportedError, ClosedError.
   */
  client(target: Target, options: ClientOptions = {}): RpcClient {
    this.#core.checkOpen("make a client");
    return new RpcClient(this.#core, target, options);
  }

  /**
   * Answers requests for a topic with the endpoints' methods. Resolves when a message sent from then on arrives (E2).
   *
   * The target needs a topic and a server name (A6). The first endpoint that fits namespace, version and method answers (B3).
   * Rejects with InvalidTargetError, InvalidArgumentError, NotSupportedError, ListenError, ConnectError, ClosedError.
   */
  async serve(target: Target, endpoints: object | readonly object[], options: ServerOptions = {}): Promise<RpcServer> {
    const server = await RpcServer.start(this.#core, target, endpoints, options);
    return this.#own(server);
  }

  /**
   * Tells the world what happened, to whoever listens (C1). Does no I/O.
   * @throws InvalidArgumentError, InvalidTargetError, NotSupportedError, ClosedError.
   */
  notifier(options: NotifierOptions): Notifier {
    return createNotifier(notifyHost(this.#core), options);
  }

  /**
   * Hands the events of some topics to the endpoints' methods, which are named as the priorities they listen to (C2).
   * With `batch` they get arrays. Resolves when an event emitted from then on arrives (E2).
   *
   * Rejects with InvalidTargetError, InvalidArgumentError, NotSupportedError (`events`, `pools`, `batches`, `requeue`), ListenError,
   * ConnectError, ClosedError.
   */
  listen(
    targets: readonly Target[],
    endpoints: BatchNotificationEndpoint | readonly BatchNotificationEndpoint[],
    options: NotificationListenerOptions & { readonly batch: BatchOptions },
  ): Promise<NotificationListener>;
  listen(
    targets: readonly Target[],
    endpoints: NotificationEndpoint | readonly NotificationEndpoint[],
    options?: NotificationListenerOptions & { readonly batch?: undefined },
  ): Promise<NotificationListener>;
  async listen(
    targets: readonly Target[],
    endpoints: unknown,
    options?: NotificationListenerOptions,
  ): Promise<NotificationListener> {
    return this.#own(await startListening(notifyHost(this.#core), targets, endpoints, options));
  }

  /**
   * Asks the manifest at start-up for what the application counts on: booleans that must hold, words of at least that strength, bounds.
   * @throws NotSupportedError naming the first that is not met, InvalidArgumentError for a key or value that no manifest has.
   */
  require(needs: Requirements): void {
    checkRequirements(needs, this.#core.capabilities, this.#core.driverName);
  }

  /** What the driver counts and holds now, as plain data. */
  stats(): DriverStats {
    return this.#core.driver.stats();
  }

  /**
   * Ends everything, in this order: new work is refused; calls and sends that are pending reject with ClosedError; servers
   * and listeners drain (E3) up to their drain time; the driver's connections end. After it nothing of the transport keeps
   * the process alive (E4). Idempotent; one promise.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const core = this.#core;
    core.isClosed = true;
    core.deadlines.abandonAll();
    await Promise.allSettled([...this.#running].map((running) => running.stop()));
    await core.driver.close();
    core.deadlines.abandonAll();
  }

  /** What came while the transport was being closed is stopped before anybody hears of it. */
  async #own<One extends Running>(running: One): Promise<One> {
    if (this.#core.isClosed) {
      await running.stop();
      throw new ClosedError("the transport was closed while this was starting");
    }
    this.#running.add(running);
    // One that its driver has ended drains as any other does, and is waited for until it has.
    void running.closed.then(() => running.stop()).then(() => this.#running.delete(running));
    return running;
  }
}
