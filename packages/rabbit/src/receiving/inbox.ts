import { type AuthError, type Clock, ClosedError, ConnectError, type MessagingError } from "@trunkline/core/driver";
import type { Channel, ConsumeMessage } from "amqplib";
import { isPermanent } from "../connection/broker-error.js";
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

/** Someone who needs the inbox to be consumed again. */
interface Waiter {
  resolve(): void;
  reject(error: MessagingError): void;
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
  readonly #waiters: Set<Waiter> = new Set();
  #isGivenUp = false;
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

  /**
   * From now on it gets what is published to `binding`, whenever it is up. Resolves when that is so: where the channel is lost, or is
   * lost meanwhile, once there is another (E5).
   * @throws as ConsumerChannel.start; what the broker says where it refuses the binding
   */
  async bind(binding: Binding): Promise<void> {
    const { clock, startWithinMs } = this.#settings;
    this.#bindings.set(keyOf(binding), binding);
    await this.start();
    const deadline = clock.now() + startWithinMs;
    for (let isLost = !this.isUp; ; isLost = true) {
      if (this.#isGivenUp) throw new ClosedError("the transport was closed");
      if (isLost) await this.#upAgain(deadline);
      const channel = this.#consumer?.channel;
      if (channel === undefined) continue;
      try {
        await this.#declareBinding(channel, binding);
        return;
      } catch (error) {
        // Else the channel has ended, and the library says of what was asked on it no more than that.
        if (isPermanent(error)) throw error;
      }
    }
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

  /** The transport closes: who waits for a binding is told so now, and nobody waits any more. */
  giveUp(): void {
    this.#isGivenUp = true;
    for (const waiter of [...this.#waiters]) waiter.reject(new ClosedError("the transport was closed"));
  }

  /** Deletes the queue: nobody can reach this transport any more. */
  async close(): Promise<void> {
    this.giveUp();
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
        onRefused: (error) => this.#refused(error),
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
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  #refused(error: AuthError): void {
    for (const waiter of [...this.#waiters]) waiter.reject(error);
  }

  /** Resolves when it is consumed again. @throws AuthError, ClosedError at once; ConnectError at `deadline`. */
  #upAgain(deadline: number): Promise<void> {
    const { clock, link, startWithinMs } = this.#settings;
    if (link.state === "closed") return Promise.reject(new ClosedError("the transport was closed"));
    if (link.refusal !== undefined) return Promise.reject(link.refusal);
    return new Promise((resolve, reject) => {
      const late = (): void =>
        waiter.reject(
          new ConnectError(`the inbox is not consumed within ${startWithinMs} ms: no connection to rabbit`),
        );
      const timer = clock.setTimer(late, Math.max(0, deadline - clock.now()));
      const settle = (act: () => void): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      this.#waiters.add(waiter);
    });
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
