import type { Clock } from "@trunkline/core/driver";
import type { Channel, ConsumeMessage } from "amqplib";
import type { Link, ReconnectPace } from "../connection/link.js";
import type { Binding, QueueDeclaration } from "../topology/declarations.js";
import type { Declarer } from "../topology/declare.js";
import type { AckToken } from "./ack-token.js";
import { ConsumerChannel } from "./consumer-channel.js";

export interface InboxSettings {
  readonly link: Link;
  readonly queue: QueueDeclaration;
  readonly declarer: Declarer;
  readonly clock: Clock;
  readonly pace: ReconnectPace;
  readonly startWithinMs: number;
  onMessage(message: ConsumeMessage): void;
  /** Messages come, for the first time or again: at `place`, after so many ms without. */
  onUp(place: string, downMs: number): void;
  warn(message: string, error?: unknown): void;
}

/** Small messages, read at once: the broker may hand over this many ahead. */
const PREFETCH = 2_000;

/**
 * The queue of a transport's own: replies to its calls, and what servers tell each other. Made on first use, and kept for as long as
 * the transport lives; it outlives the connection, so that replies wait in it while that is made again.
 */
export class Inbox {
  readonly name: string;
  readonly #settings: InboxSettings;
  readonly #bindings: Map<string, Binding> = new Map();
  #consumer: ConsumerChannel | undefined;
  #starting: Promise<void> | undefined;
  #downAt: number | undefined;

  constructor(settings: InboxSettings) {
    this.name = settings.queue.name;
    this.#settings = settings;
  }

  get isUp(): boolean {
    return this.#consumer?.isUp ?? false;
  }

  get isUsed(): boolean {
    return this.#consumer !== undefined;
  }

  /** Resolves when it is consumed. Idempotent; after a failure it can be asked again. @throws as ConsumerChannel.start */
  start(): Promise<void> {
    this.#starting ??= this.#begin().catch((error: unknown) => {
      this.#starting = undefined;
      this.#consumer = undefined;
      throw error;
    });
    return this.#starting;
  }

  /** From now on it gets what is published to `binding`, whenever it is up. Resolves when that is so. */
  async bind(binding: Binding): Promise<void> {
    this.#bindings.set(keyOf(binding), binding);
    await this.start();
    const channel = this.#consumer?.channel;
    if (channel !== undefined) await this.#declareBinding(channel, binding);
  }

  /** How many consume from the queue, as the broker counts them; undefined where it cannot be asked now. */
  async consumersOf(queue: QueueDeclaration): Promise<number | undefined> {
    const channel = this.#consumer?.channel;
    if (channel === undefined) return undefined;
    const counts = await this.#settings.declarer.queue(channel, queue).catch(() => undefined);
    return counts?.consumerCount;
  }

  unbind(binding: Binding): void {
    this.#bindings.delete(keyOf(binding));
    const { exchange, key } = binding;
    // Where the channel is gone, the binding is not made again with it; a stray message is dropped.
    this.#consumer?.channel?.unbindQueue(this.name, exchange.name, key).catch(() => {});
  }

  /** Deletes the queue: nobody can reach this transport any more. */
  async close(): Promise<void> {
    const consumer = this.#consumer;
    await consumer?.stop();
    // Unreachable, it goes by itself after a while.
    await consumer?.channel?.deleteQueue(this.name).catch(() => {});
    await consumer?.close();
  }

  #begin(): Promise<void> {
    const { link, queue, clock, pace, declarer, startWithinMs, onMessage, warn } = this.#settings;
    const consumer = new ConsumerChannel(
      link,
      [
        {
          bound: { queue, bindings: [] },
          prefetch: PREFETCH,
          consumerArguments: () => ({}),
          onMessage: (message: ConsumeMessage, token: AckToken) => {
            token.ackSoon(message.fields.deliveryTag, PREFETCH / 8);
            onMessage(message);
          },
        },
      ],
      {
        name: "replies",
        clock,
        pace,
        declarer,
        startWithinMs,
        warn,
        prepare: (channel) => this.#prepare(channel),
        onUp: () => this.#up(),
        onDown: () => {
          this.#downAt ??= clock.now();
        },
      },
    );
    this.#consumer = consumer;
    return consumer.start();
  }

  #up(): void {
    const { clock, link, onUp } = this.#settings;
    const downMs = this.#downAt === undefined ? 0 : clock.now() - this.#downAt;
    this.#downAt = undefined;
    onUp(link.session?.place ?? "", downMs);
  }

  /** The queue must be there before its bindings; it is declared once more with the others, which is harmless. */
  async #prepare(channel: Channel): Promise<void> {
    await this.#settings.declarer.queue(channel, this.#settings.queue);
    for (const binding of this.#bindings.values()) await this.#declareBinding(channel, binding);
  }

  async #declareBinding(channel: Channel, { exchange, key }: Binding): Promise<void> {
    await this.#settings.declarer.exchange(channel, exchange);
    await channel.bindQueue(this.name, exchange.name, key);
  }
}

function keyOf({ exchange, key }: Binding): string {
  return `${exchange.name} ${key}`;
}
