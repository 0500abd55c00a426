import { ClosedError, type MessagingError } from "../errors.js";
import { EMPTY_HEADERS } from "../rpc/request.js";
import { type Delivery, type Event, type Listener, PRIORITIES } from "../seam.js";
import type { Target } from "../target.js";
import type { Value } from "../value.js";
import { Batcher, type BatchOptions } from "./batch.js";
import {
  type BatchNotificationEndpoint,
  type NotificationCall,
  type NotificationEndpoint,
  type ReadEndpoint,
  readEndpoints,
} from "./endpoint.js";
import { type ListenerSettings, type NotificationListenerOptions, resolveListenerOptions } from "./listener-options.js";
import type { NotificationEvent } from "./notification.js";
import { NotificationDispatcher } from "./notification-dispatcher.js";
import type { NotifyHost } from "./ports.js";
import { type Taken, Verdicts } from "./verdicts.js";

/**
 * Hands the events of some topics to endpoints; made by `transport.listen`. Single-use: once stopped, listen again (E3).
 *
 * At most `concurrency` events, or batches, are handled at once, each by one endpoint after the other; up to `credit` of each
 * target are in hand. No handler's failure stops it.
 */
export class NotificationListener {
  readonly #host: NotifyHost;
  readonly #settings: ListenerSettings;
  readonly #dispatcher: NotificationDispatcher;
  readonly #verdicts: Verdicts;
  readonly #batcher: Batcher<Delivery> | undefined;
  /** One entry for each handling to come: one delivery, or those of a batch. */
  #waiting: (readonly Delivery[])[] = [];
  readonly #listeners: Listener[] = [];
  #running = 0;
  #isStopped = false;
  #stopping: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  #resolveClosed: (reason: MessagingError | undefined) => void = () => {};
  /** Resolves when the listener has ended: with the error that ended it, or undefined after `stop`. Never rejects. */
  readonly closed: Promise<MessagingError | undefined>;

  private constructor(host: NotifyHost, settings: ListenerSettings, endpoints: readonly ReadEndpoint[]) {
    this.#host = host;
    this.#settings = settings;
    this.#dispatcher = new NotificationDispatcher(host, endpoints);
    this.#verdicts = new Verdicts(host, settings);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    if (settings.batch === undefined) return;
    this.#batcher = new Batcher({
      ...settings.batch,
      clock: host.clock,
      onBatch: (deliveries) => this.#enqueue(deliveries),
    });
  }

  /** @internal Resolves when E2 holds for every target; where one fails, none is left. */
  static async start(
    host: NotifyHost,
    settings: ListenerSettings,
    endpoints: readonly ReadEndpoint[],
  ): Promise<NotificationListener> {
    const listener = new NotificationListener(host, settings, endpoints);
    const { pool, credit, concurrency } = settings;
    const priorities = PRIORITIES.filter((priority) => endpoints.some(({ handlers }) => handlers.has(priority)));
    const subscribed = settings.addresses.map(async (address) => {
      const driverListener = await host.driver.listen(
        { kind: "events", address, priorities, ...(pool === undefined ? {} : { pool }) },
        (delivery) => listener.#arrive(delivery),
        { credit, concurrency, acknowledge: host.capabilities.redelivery ? "on-settle" : "on-take" },
      );
      listener.#listeners.push(driverListener);
      void driverListener.closed.then((reason) => listener.#ended(reason));
    });
    try {
      await Promise.all(subscribed);
    } catch (error) {
      await Promise.allSettled(subscribed);
      await listener.stop();
      throw error;
    }
    if (listener.#isStopped) {
      // The driver ended one subscription while another was still being made.
      await listener.#each((one) => one.close());
      throw (await listener.closed) ?? new ClosedError("the listener was ended while it was starting");
    }
    return listener;
  }

  /**
   * Drains (E3): no new events, what was never handled (open batches too) is handed back, handlers that run finish, at the latest
   * after `drainTimeoutMs`; then it leaves. Idempotent; one promise.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#isStopped = true;
    const undone = [...this.#waiting.flat(), ...(this.#batcher?.takeAll() ?? [])];
    this.#waiting = [];
    for (const delivery of undone) this.#verdicts.give(delivery, "hand-back");
    await this.#each((listener) => listener.stop());
    await this.#drain();
    await this.#each((listener) => listener.close());
    this.#resolveClosed(undefined);
  }

  /** On all of the driver's listeners, whatever becomes of one of them. */
  async #each(act: (listener: Listener) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(this.#listeners.map(act));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected")
        this.#host.warn({ message: "a notification listener did not end cleanly", error: outcome.reason });
    }
  }

  /** Resolves when no handler runs, or when the drain time is over. */
  #drain(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    const { drainTimeoutMs } = this.#settings;
    return new Promise((resolve) => {
      const timer = this.#host.clock.setTimer(() => {
        this.#onIdle = undefined;
        this.#host.warn({
          message: `a notification listener left ${this.#running} handlers running after ${drainTimeoutMs} ms`,
        });
        resolve();
      }, drainTimeoutMs);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** One of the driver's listeners has ended. Where nobody asked for it, all end: half a listener would be silently deaf. */
  #ended(reason: MessagingError | undefined): void {
    if (this.#isStopped) return;
    if (reason !== undefined)
      this.#host.warn({ message: "a notification listener was ended by its driver", error: reason });
    this.#resolveClosed(reason);
    void this.stop();
  }

  /** The driver's call for each delivery. */
  #arrive(delivery: Delivery): void {
    if (this.#isStopped) this.#verdicts.give(delivery, "hand-back");
    else if (this.#batcher === undefined) this.#enqueue([delivery]);
    else {
      const { exchange, topic } = delivery.to;
      // Names hold no control characters (A5), so that no two streams share a key.
      this.#batcher.add(`${exchange}\n${topic}\n${eventOf(delivery).priority}`, delivery);
    }
  }

  #enqueue(deliveries: readonly Delivery[]): void {
    this.#waiting.push(deliveries);
    if (this.#running < this.#settings.concurrency) void this.#work();
  }

  /** Handles what waits, one after the other, until nothing does. `concurrency` of these run at most. */
  async #work(): Promise<void> {
    this.#running += 1;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await this.#handle(next);
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle?.();
  }

  /** Never rejects: everything that can go wrong is reported, and ends in a verdict for every delivery. */
  async #handle(deliveries: readonly Delivery[]): Promise<void> {
    const taken: Taken[] = [];
    for (const delivery of deliveries) {
      const event = this.#take(delivery);
      if (event !== undefined) taken.push({ delivery, event });
    }
    const [first] = taken;
    if (first === undefined) return;
    const events = taken.map(({ event }) => event);
    const wish =
      this.#batcher === undefined
        ? await this.#dispatcher.dispatch(first.event, callOf(taken, first))
        : await this.#dispatcher.dispatchBatch(first.event.priority, events, callOf(taken, first));
    this.#verdicts.conclude(taken, wish);
  }

  /** The event, or undefined where it must not be handled. */
  #take(delivery: Delivery): NotificationEvent | undefined {
    if (!delivery.take()) {
      this.#verdicts.give(delivery, "reject");
      return undefined;
    }
    const { context, payload, publisherId, eventType, priority, id, timestamp } = eventOf(delivery);
    const { serializer } = this.#settings;
    try {
      const given = serializer.deserializeContext(context);
      // A deserializer's result is the handler's payload, of whatever kind it makes it.
      const value = serializer.deserializeValue(payload, given) as Value;
      return { publisherId, eventType, priority, payload: value, context: given, messageId: id, timestamp };
    } catch (error) {
      this.#host.reportFailure({ error, topic: delivery.to.topic, eventType });
      this.#verdicts.give(delivery, "reject");
      return undefined;
    }
  }
}

/**
 * Listens for the events of one or several topics. Resolves when an event emitted from then on arrives (E2).
 * Rejects with InvalidTargetError, InvalidArgumentError (options, endpoints, filters), NotSupportedError (`events`, `pools`, `batches`,
 * `requeue`), ListenError, ConnectError, ClosedError.
 */
export function listenForNotifications(
  host: NotifyHost,
  targets: readonly Target[],
  endpoints: BatchNotificationEndpoint | readonly BatchNotificationEndpoint[],
  options: NotificationListenerOptions & { readonly batch: BatchOptions },
): Promise<NotificationListener>;
export function listenForNotifications(
  host: NotifyHost,
  targets: readonly Target[],
  endpoints: NotificationEndpoint | readonly NotificationEndpoint[],
  options?: NotificationListenerOptions & { readonly batch?: undefined },
): Promise<NotificationListener>;
export function listenForNotifications(
  host: NotifyHost,
  targets: readonly Target[],
  endpoints: unknown,
  options?: NotificationListenerOptions,
): Promise<NotificationListener> {
  return startListening(host, targets, endpoints, options);
}

/** As {@link listenForNotifications}, for callers whose own overloads have told endpoints with `batch` from those without. */
export async function startListening(
  host: NotifyHost,
  targets: readonly Target[],
  endpoints: unknown,
  options: NotificationListenerOptions = {},
): Promise<NotificationListener> {
  host.checkOpen("listen");
  const settings = resolveListenerOptions(host, targets, options);
  return await NotificationListener.start(host, settings, readEndpoints(endpoints));
}

/** Core subscribes to events alone here, so that every delivery is one. */
function eventOf(delivery: Delivery): Event {
  return delivery.message as Event;
}

function callOf(taken: readonly Taken[], first: Taken): NotificationCall {
  const { to, peer, message } = first.delivery;
  return {
    topic: to.topic,
    exchange: to.exchange,
    peer,
    attempt: Math.max(...taken.map(({ delivery }) => delivery.attempt)),
    redelivered: taken.some(({ delivery }) => delivery.redelivered),
    headers: taken.length === 1 ? message.headers : EMPTY_HEADERS,
  };
}
