import type { MessagingError } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Publication } from "../sending/publication.js";
import { Repeats } from "../sending/repeats.js";
import type { Route } from "../topology/declarations.js";
import { DELAY_IDLE_MS, type RabbitNaming } from "../topology/rabbit-naming.js";
import type { Message } from "../wire/wire.js";
import type { ArrivedEvent } from "./arrival.js";
import type { EventDelivery } from "./event-delivery.js";
import type { ListenerHost } from "./listener-host.js";
import type { Requeuer } from "./requeuer.js";

/** Half of the time by which a delay's queue outlives the longest wait in it. */
const DECLARED_FOR_MS = DELAY_IDLE_MS / 2;

/**
 * Requeue of `rabbit://`: the event waits at the broker, in a queue for that delay, and comes from there to the pool's own, with its
 * attempt counted. It is acknowledged once the broker has it there, so that nobody's death loses it, and its credit is free.
 */
export class DelayQueues implements Requeuer {
  readonly #naming: RabbitNaming;
  readonly #host: ListenerHost;

  constructor(naming: RabbitNaming, host: ListenerHost) {
    this.#naming = naming;
    this.#host = host;
  }

  attemptOf({ attempt }: ArrivedEvent): number {
    return attempt ?? 1;
  }

  requeue(delivery: EventDelivery, delayMs: number): Promise<void> {
    const { queue } = delivery.arrived.source;
    const waiting = delayMs < 1 ? queue : this.#naming.delayQueue(queue.name, Math.round(delayMs));
    const route: Route = {
      ...this.#naming.queueRoute(waiting.name, true),
      queues: delayMs < 1 ? [] : [{ queue: waiting, bindings: [] }],
      declaredForMs: DECLARED_FOR_MS,
    };
    return new Return(delivery, route, this.#host).send();
  }

  hurry(): void {
    // Nothing waits here: the broker has it.
  }
}

/** One event on its way back. */
class Return implements Publication {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #message: Message;
  readonly #delivery: EventDelivery;
  readonly #host: ListenerHost;
  readonly #repeats: Repeats;
  #resolve: () => void = () => {};

  constructor(delivery: EventDelivery, route: Route, host: ListenerHost) {
    const { raw, id } = delivery.arrived;
    const attempt = delivery.attempt + 1;
    this.route = route;
    // Attempts of one event are messages of their own to the broker.
    this.id = `${id}/${attempt}`;
    this.#message = host.wire.requeued(route, raw, this.id, attempt);
    this.body = this.#message.body;
    this.#delivery = delivery;
    this.#host = host;
    this.#repeats = new Repeats(host.clock, () => host.random());
  }

  send(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#push();
    });
  }

  properties(): Options.Publish {
    return this.#message.properties();
  }

  confirmed(): void {
    this.#delivery.acknowledge();
    this.#resolve();
  }

  returned(): void {
    // Its pool's queue was deleted, or its delay's expired in this moment: declared again, it is there.
    this.#repeats.after(() => this.#push());
  }

  refused(): void {
    this.#repeats.after(() => this.#push());
  }

  failed(error: MessagingError): void {
    // It is still unacknowledged, and goes to another of its pool with the attempt that it had.
    this.#delivery.giveBack();
    this.#host.warn("an event could not be requeued, and comes again at once", error);
    this.#resolve();
  }

  doubtful(_error: MessagingError): void {
    this.#push();
  }

  #push(): void {
    this.#host.channels.of(this.route, "replies").push(this);
  }
}
