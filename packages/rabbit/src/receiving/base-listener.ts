import { setImmediate } from "node:timers";
import type { Delivery, Listener, ListenOptions, MessagingError } from "@trunkline/core/driver";
import type { ConsumeMessage } from "amqplib";
import type { Source } from "../topology/declarations.js";
import type { AckToken } from "./ack-token.js";
import { ConsumerChannel } from "./consumer-channel.js";
import { Gate } from "./gate.js";
import type { ListenerHost } from "./listener-host.js";

/** How long a listener that closes waits for the broker to take what it gives back. */
const PARTING_MS = 5_000;

/** What all listeners have in common: queues that are consumed, credit, and an orderly end. Who acknowledges when is each one's own. */
export abstract class BaseListener<Held extends Delivery> implements Listener {
  readonly closed: Promise<MessagingError | undefined>;
  /** For people: what is listened to. */
  readonly name: string;
  protected readonly host: ListenerHost;
  protected readonly gate: Gate<Held>;
  protected readonly consumer: ConsumerChannel;
  /** Queues that go with this listener. */
  protected readonly ownQueues: readonly string[];
  readonly #onEnd: () => void;
  #stopping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #resolveClosed: (error: MessagingError | undefined) => void = () => {};

  constructor(
    host: ListenerHost,
    name: string,
    sources: readonly Source[],
    deliver: (held: Held) => void,
    options: ListenOptions,
    prefetch: (source: Source) => number,
    onEnd: () => void,
  ) {
    this.host = host;
    this.name = name;
    this.#onEnd = onEnd;
    this.gate = new Gate<Held>(options.credit, deliver);
    this.ownQueues = sources.filter(({ isOwn }) => isOwn).map(({ queue }) => queue.name);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { link, clock, pace, declarer, startWithinMs } = host;
    this.consumer = new ConsumerChannel(
      link,
      sources.map((source) => ({
        bound: source,
        prefetch: prefetch(source),
        consumerArguments: () => source.consumerArguments,
        onMessage: (message: ConsumeMessage, token: AckToken) => this.receive(message, source, token),
      })),
      {
        name,
        clock,
        pace,
        declarer,
        startWithinMs,
        warn: (message, error) => host.warn(message, error),
        onDown: (error) => this.onDown(error),
      },
    );
  }

  /** Resolves when E2 holds. @throws as ConsumerChannel.start */
  async start(): Promise<this> {
    await this.consumer.start();
    // The application gets the listener first, behind however many promises, and only then what comes to it.
    setImmediate(() => {
      if (this.#stopping === undefined) this.gate.open();
    });
    return this;
  }

  get inHand(): number {
    return this.gate.inHand + this.gate.waiting;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  setCredit(deliveries: number): void {
    this.gate.setCredit(deliveries);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** A message has come. Must not throw. */
  protected abstract receive(message: ConsumeMessage, source: Source, token: AckToken): void;
  /** What was not handed over goes to others. */
  protected abstract giveBack(held: Held): void;
  /** The listener ends: what was never taken goes to others, and what was taken and is not settled has nobody to wait for it. */
  protected abstract abandon(): void;
  /** Resolves when what was given back, and what was answered, is with the broker. */
  protected abstract parted(): Promise<void>;
  /** Frees what is its own at the broker. */
  protected abstract clearOwn(): Promise<void>;

  /** Resolves when nothing that has come is still on its way to core. */
  protected async lastTaken(): Promise<void> {}

  protected onDown(_error: MessagingError): void {}

  async #stop(): Promise<void> {
    await this.consumer.stop();
    await this.lastTaken();
    for (const held of this.gate.shut()) this.giveBack(held);
  }

  async #close(): Promise<void> {
    await this.stop();
    this.abandon();
    await this.#withinReason(this.parted());
    await this.#withinReason(this.clearOwn());
    await this.consumer.close();
    this.#onEnd();
    this.#resolveClosed(undefined);
  }

  /** A broker that does not answer keeps no listener from ending. */
  async #withinReason(work: Promise<void>): Promise<void> {
    const late = new Promise<void>((resolve) => {
      const timer = this.host.clock.setTimer(resolve, PARTING_MS);
      void work.finally(() => {
        timer.cancel();
        resolve();
      });
    });
    await late;
  }
}
