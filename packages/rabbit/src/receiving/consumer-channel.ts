// Long because a channel and its consumers can each end alone, at any moment of being made; the cases stand side by side.

import {
  type AuthError,
  type Clock,
  ClosedError,
  ConnectError,
  type MessagingError,
  type Timer,
} from "@trunkline/core/driver";
import type { Channel, ConsumeMessage } from "amqplib";
import { isPermanent, listenFailure, lostConnection, textOf } from "../connection/broker-error.js";
import type { Link, LinkUser, ReconnectPace } from "../connection/link.js";
import type { Session } from "../connection/session.js";
import type { ArgumentValue, BoundQueue } from "../topology/declarations.js";
import type { Declarer } from "../topology/declare.js";
import { AckToken } from "./ack-token.js";

/** What is taken from one queue. */
export interface Consumption {
  readonly bound: BoundQueue;
  /** How many unacknowledged messages of this queue the broker hands over. */
  readonly prefetch: number;
  readonly consumerArguments: () => Readonly<Record<string, ArgumentValue>>;
  onMessage(message: ConsumeMessage, token: AckToken): void;
}

export interface ConsumerChannelSettings {
  /** For people: what is listened to. */
  readonly name: string;
  readonly clock: Clock;
  readonly pace: ReconnectPace;
  readonly declarer: Declarer;
  /** How long the first start may take. */
  readonly startWithinMs: number;
  /** Declared before anything is consumed, beside the queues. */
  readonly prepare?: (channel: Channel) => Promise<void>;
  /** All is consumed, for the first time or again. */
  onUp?(): void;
  /** The channel has ended: what was unacknowledged on it goes to others, or comes again. */
  onDown?(error: MessagingError): void;
  /** The broker refuses this process: what waits for the channel need not wait longer. */
  onRefused?(error: AuthError): void;
  warn(message: string, error?: unknown): void;
}

/** AMQP 0-9-1: a short. */
const MOST_PREFETCH = 65_535;

interface Start {
  resolve(): void;
  reject(error: MessagingError): void;
}

/**
 * Consumes some queues on one channel, and sees to it that they stay consumed: the channel, each consumer and the connection
 * may end by themselves, and are made again, topology included.
 */
export class ConsumerChannel implements LinkUser {
  readonly #link: Link;
  readonly #consumptions: readonly Consumption[];
  readonly #settings: ConsumerChannelSettings;
  #session: Session | undefined;
  #channel: Channel | undefined;
  #token: AckToken | undefined;
  readonly #tags: Map<Consumption, string> = new Map();
  #state: "new" | "starting" | "up" | "down" | "stopping" | "closed" = "new";
  #isMaking = false;
  #failures = 0;
  #hasBeenUp = false;
  #start: Start | undefined;
  #startTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #lastTrouble: unknown;

  constructor(link: Link, consumptions: readonly Consumption[], settings: ConsumerChannelSettings) {
    this.#link = link;
    this.#consumptions = consumptions;
    this.#settings = settings;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** The channel while it is open, for what must be done where the queues are consumed. */
  get channel(): Channel | undefined {
    return this.#channel;
  }

  /**
   * Resolves when every queue is consumed (E2).
   * @throws ListenError, AuthError, NotSupportedError, ClosedError at once; ConnectError after `startWithinMs`. Nothing is left then.
   */
  start(): Promise<void> {
    this.#state = "starting";
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#start = undefined;
        this.#startTimer?.cancel();
        act();
      };
      this.#start = {
        resolve: () => settle(resolve),
        reject: (error) =>
          settle(() => {
            this.#end()
              ?.close()
              .catch(() => {});
            reject(error);
          }),
      };
      const { startWithinMs, clock } = this.#settings;
      this.#startTimer = clock.setTimer(() => this.#start?.reject(this.#lateError()), startWithinMs);
      this.#link.use(this);
      const { refusal, state } = this.#link;
      if (state === "closed") this.#start?.reject(new ClosedError("the transport is closed; open a new one"));
      else if (refusal !== undefined) this.#start?.reject(refusal);
    });
  }

  /** Consumes no more. After it resolves no message comes; what came can still be settled. */
  async stop(): Promise<void> {
    if (this.#state === "closed" || this.#state === "stopping") return;
    this.#state = "stopping";
    this.#retryTimer?.cancel();
    const channel = this.#channel;
    const tags = [...this.#tags.values()];
    this.#tags.clear();
    if (channel === undefined) return;
    // Where the channel ends meanwhile, its consumers have ended with it.
    await Promise.all(tags.map((tag) => channel.cancel(tag).catch(() => {})));
  }

  /** Ends the channel: what is unacknowledged goes back to its queue. */
  async close(): Promise<void> {
    this.#token?.flush();
    this.#start?.reject(new ClosedError("the transport was closed while this was starting"));
    const channel = this.#end();
    // Where its connection has ended, so has the channel.
    await channel?.close().catch(() => {});
  }

  opened(session: Session): void {
    this.#session = session;
    this.#failures = 0;
    void this.#make();
  }

  lost(error: MessagingError): void {
    this.#session = undefined;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#down(error);
  }

  refused(error: AuthError): void {
    this.#start?.reject(error);
    this.#settings.onRefused?.(error);
  }

  async #make(): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#isMaking || !this.#isWanted) return;
    this.#isMaking = true;
    let channel: Channel | undefined;
    try {
      channel = await session.channel();
      const token = new AckToken(channel, session, this.#settings.clock);
      this.#adopt(channel, token, session);
      await this.#settings.prepare?.(channel);
      for (const { bound } of this.#consumptions) await this.#settings.declarer.boundQueue(channel, bound);
      for (const consumption of this.#consumptions) await this.#consume(channel, token, consumption);
      if (this.#channel === channel && this.#isWanted) this.#up();
    } catch (error) {
      if (this.#session === session && this.#isWanted) this.#troubled(error, session);
      if (channel !== undefined && this.#channel === channel) this.#dropChannel(channel);
    } finally {
      this.#isMaking = false;
      // A new session may have begun, or the channel have ended, while this one was being set up.
      if (this.#isWanted && this.#channel === undefined && this.#retryTimer === undefined) void this.#make();
    }
  }

  get #isWanted(): boolean {
    return this.#state !== "stopping" && this.#state !== "closed";
  }

  #adopt(channel: Channel, token: AckToken, session: Session): void {
    let reason: unknown;
    channel.on("error", (error) => {
      reason = error;
    });
    channel.on("close", () => {
      token.ended();
      if (this.#channel !== channel) return;
      const error = lostConnection(session.place, reason);
      this.#down(error);
      // A connection that ends does so channel by channel first: only then is it known which of the two it was.
      queueMicrotask(() => {
        if (this.#session !== session || !this.#isWanted || this.#isMaking) return;
        this.#troubled(reason ?? error, session);
      });
    });
    this.#channel = channel;
    this.#token = token;
  }

  async #consume(channel: Channel, token: AckToken, consumption: Consumption): Promise<void> {
    const { bound, prefetch } = consumption;
    const name = bound.queue.name;
    await channel.prefetch(Math.min(MOST_PREFETCH, prefetch));
    const { consumerTag } = await channel.consume(
      name,
      (message) => {
        if (message === null) this.#cancelled(channel, token, consumption);
        else consumption.onMessage(message, token);
      },
      { arguments: consumption.consumerArguments() },
    );
    if (this.#channel === channel) this.#tags.set(consumption, consumerTag);
  }

  /** The broker has ended one consumer: its queue was deleted, or has moved. */
  #cancelled(channel: Channel, token: AckToken, consumption: Consumption): void {
    if (this.#channel !== channel || !this.#isWanted) return;
    this.#tags.delete(consumption);
    const queue = JSON.stringify(consumption.bound.queue.name);
    this.#settings.warn(
      `rabbit ended the consumer of the queue ${queue} of ${this.#settings.name}: it was deleted or has moved; it is made again`,
    );
    void this.#consumeAgain(channel, token, consumption);
  }

  async #consumeAgain(channel: Channel, token: AckToken, consumption: Consumption): Promise<void> {
    try {
      await this.#settings.prepare?.(channel);
      await this.#settings.declarer.boundQueue(channel, consumption.bound);
      if (this.#channel !== channel || !this.#isWanted) return;
      await this.#consume(channel, token, consumption);
    } catch {
      // A refused declaration ends the channel, and all is made again.
    }
  }

  #up(): void {
    this.#hasBeenUp = true;
    this.#failures = 0;
    this.#lastTrouble = undefined;
    this.#state = "up";
    this.#settings.onUp?.();
    this.#start?.resolve();
  }

  #down(error: MessagingError): void {
    this.#token?.ended();
    const hadChannel = this.#channel !== undefined;
    this.#channel = undefined;
    this.#token = undefined;
    this.#tags.clear();
    if (this.#state === "up") this.#state = "down";
    if (hadChannel) this.#settings.onDown?.(error);
  }

  #dropChannel(channel: Channel): void {
    this.#token?.ended();
    this.#channel = undefined;
    this.#token = undefined;
    this.#tags.clear();
    channel.close().catch(() => {});
  }

  #troubled(error: unknown, session: Session): void {
    this.#lastTrouble = error;
    this.#failures += 1;
    const { name, pace, clock } = this.#settings;
    if (isPermanent(error)) {
      const failure = listenFailure(name, error);
      if (this.#start !== undefined) {
        this.#start.reject(failure);
        return;
      }
      this.#settings.warn(`${name} is not listened to for now: ${failure.message}`, failure);
    } else if (this.#hasBeenUp && this.#failures <= 1) {
      this.#settings.warn(`the channel of ${name} was ended by rabbit and is made again: ${textOf(error)}`, error);
    }
    this.#retryTimer?.cancel();
    this.#retryTimer = clock.setTimer(() => {
      this.#retryTimer = undefined;
      if (this.#session === session) void this.#make();
    }, pace.delayMs(this.#failures));
  }

  /** Nothing comes any more; the channel is left to the caller to close. */
  #end(): Channel | undefined {
    this.#state = "closed";
    this.#link.leave(this);
    this.#startTimer?.cancel();
    this.#retryTimer?.cancel();
    const channel = this.#channel;
    this.#token?.ended();
    this.#channel = undefined;
    this.#token = undefined;
    this.#tags.clear();
    return channel;
  }

  #lateError(): MessagingError {
    const { name, startWithinMs } = this.#settings;
    const trouble = this.#lastTrouble;
    const silence = this.#session === undefined ? "no connection to rabbit" : "rabbit does not answer";
    const why = trouble === undefined ? silence : textOf(trouble);
    return new ConnectError(`cannot listen on ${name} within ${startWithinMs} ms: ${why}`, { cause: trouble });
  }
}
