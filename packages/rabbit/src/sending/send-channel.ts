// Long because a channel is one state machine: opened, declared on, written to, full, blocked, lost, idle.

import type { AuthError, Clock, MessagingError, Timer } from "@trunkline/core/driver";
import { type ConfirmChannel, IllegalOperationError } from "amqplib";
import { isPermanent, lostConnection, REPLY_CODE, replyCode, sendFailure, textOf } from "../connection/broker-error.js";
import type { Link, LinkUser, ReconnectPace } from "../connection/link.js";
import type { Session } from "../connection/session.js";
import type { Route } from "../topology/declarations.js";
import type { Declarer, QueueCounts } from "../topology/declare.js";
import type { Publication } from "./publication.js";
import { WaitingLine } from "./waiting-line.js";

/** So many messages, or bytes, are written before the broker has confirmed the first of them. */
const WINDOW_MESSAGES = 2_000;
const WINDOW_BYTES = 16 * 1024 * 1024;
/** Declaring once more is harmless: no channel remembers more queues than this. */
const REMEMBERED_QUEUES = 10_000;
/** An operator should know of a queue of events that holds so many and has nobody to take them. */
const UNREAD_EVENTS = 10_000;

export interface SendChannelSettings {
  /** For people: the exchange that it publishes to. */
  readonly name: string;
  readonly declarer: Declarer;
  readonly clock: Clock;
  readonly pace: ReconnectPace;
  warn(message: string, error?: unknown): void;
}

/**
 * Publishes to one exchange, in order, on a confirm channel of its own, so that what a channel error ends is no more than that.
 *
 * Nobody is told anything before `push` has returned.
 */
export class SendChannel implements LinkUser {
  readonly #link: Link;
  readonly #settings: SendChannelSettings;
  readonly #waiting: WaitingLine = new WaitingLine();
  /** Written and not confirmed, by id. */
  readonly #written: Map<string, Publication> = new Map();
  readonly #returned: Set<string> = new Set();
  /** The keys whose queues were declared on this channel since it was opened, and when. */
  readonly #declaredKeys: Map<string, number> = new Map();
  #isExchangeDeclared = false;
  #writtenBytes = 0;
  #session: Session | undefined;
  #channel: ConfirmChannel | undefined;
  #isOpening = false;
  #isDeclaring = false;
  #isFull = false;
  #isBlocked = false;
  #isClosed = false;
  #failures = 0;
  #timer: Timer | undefined;
  #pumpScheduled = false;
  #onIdle: (() => void) | undefined;
  /** When something was last given to it. */
  lastUsedAt: number;

  constructor(link: Link, settings: SendChannelSettings) {
    this.#link = link;
    this.#settings = settings;
    this.lastUsedAt = settings.clock.now();
    link.use(this);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get unconfirmed(): number {
    return this.#written.size;
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#written.size === 0;
  }

  /** What stands between a publication that waits here and the broker. */
  get obstacle(): "no-room" | "no-connection" {
    return this.#isBlocked || (this.#channel !== undefined && this.#written.size > 0) ? "no-room" : "no-connection";
  }

  push(publication: Publication): void {
    this.lastUsedAt = this.#settings.clock.now();
    const { refusal } = this.#link;
    if (refusal !== undefined && this.#session === undefined) {
      queueMicrotask(() => publication.failed(refusal));
      return;
    }
    this.#waiting.push(publication);
    this.#schedulePump();
  }

  /** True where it still waited: it is given up, and told nothing more. */
  remove(publication: Publication): boolean {
    return this.#waiting.remove(publication);
  }

  /** True where it was written and is not confirmed. What becomes of it is told nobody any more. */
  forget(publication: Publication): boolean {
    if (this.#written.get(publication.id) !== publication) return false;
    this.#written.set(publication.id, new Forgotten(publication));
    return true;
  }

  opened(session: Session): void {
    this.#session = session;
    this.#failures = 0;
    this.#schedulePump();
  }

  lost(error: MessagingError): void {
    this.#session = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#channelGone(error);
  }

  refused(error: AuthError): void {
    for (const publication of this.#waiting.takeAll()) publication.failed(error);
    this.#tellIdle();
  }

  blocked(reason: string | undefined): void {
    this.#isBlocked = reason !== undefined;
    this.#schedulePump();
  }

  /** Resolves when nothing is left to write or to be confirmed; at once where there is no connection to do it on. */
  flushed(): Promise<void> {
    if (this.isIdle || this.#session === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Gives up what waits with `error`, and leaves the link. What is written and not confirmed is in doubt. */
  close(error: MessagingError): void {
    if (this.#isClosed) return;
    for (const publication of this.#waiting.takeAll()) publication.failed(error);
    const channel = this.#channel;
    this.#channelGone(error);
    this.#channel = channel;
    this.retire();
  }

  /** Nothing is left here and nothing more will come: frees the channel. */
  retire(): void {
    this.#isClosed = true;
    this.#link.leave(this);
    this.#timer?.cancel();
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close().catch(() => {});
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (let next = this.#waiting.first; next !== undefined; next = this.#waiting.first) {
      if (this.#isClosed || this.#isBlocked || this.#isFull || this.#isDeclaring) return;
      if (this.#written.size >= WINDOW_MESSAGES || this.#writtenBytes >= WINDOW_BYTES) return;
      const channel = this.#channel;
      if (channel === undefined) {
        this.#open();
        return;
      }
      if (!this.#isDeclared(next.route)) {
        void this.#declare(channel, next.route);
        return;
      }
      this.#waiting.remove(next);
      this.#write(channel, next);
    }
  }

  #write(channel: ConfirmChannel, publication: Publication): void {
    const { route, id, body } = publication;
    const { exchange, key, isMandatory, isPersistent } = route;
    const options = publication.properties();
    options.mandatory = isMandatory;
    options.deliveryMode = isPersistent ? 2 : 1;
    this.#written.set(id, publication);
    this.#writtenBytes += body.length;
    this.#session?.gather();
    try {
      const hasRoom = channel.publish(exchange?.name ?? "", key, body, options, (error: unknown) => {
        // A channel that ends says so to each of these first: that is no word of the broker's.
        if (this.#channel === channel) this.#settled(id, error === null || error === undefined);
      });
      this.#isFull = !hasRoom;
    } catch (error) {
      this.#written.delete(id);
      this.#writtenBytes -= body.length;
      if (!(error instanceof IllegalOperationError)) {
        publication.failed(sendFailure(route.name, error));
        return;
      }
      // The channel is just ending: this one goes with the next.
      this.#waiting.push(publication);
      this.#channelGone(lostConnection(this.#session?.place ?? "its host", error));
      this.#retryLater(undefined);
    }
  }

  #isDeclared({ exchange, queues, key, declaredForMs }: Route): boolean {
    if (exchange !== undefined && !this.#isExchangeDeclared) return false;
    if (queues.length === 0) return true;
    const declaredAt = this.#declaredKeys.get(key);
    return (
      declaredAt !== undefined &&
      (declaredForMs === undefined || this.#settings.clock.now() - declaredAt < declaredForMs)
    );
  }

  /** The broker's word on one message. */
  #settled(id: string, isTaken: boolean): void {
    const publication = this.#written.get(id);
    if (publication === undefined) return;
    this.#written.delete(id);
    this.#writtenBytes -= publication.body.length;
    if (this.#returned.delete(id)) publication.returned();
    else if (isTaken) publication.confirmed();
    else publication.refused();
    if (this.#waiting.size > 0) this.#pump();
    else this.#tellIdle();
  }

  #open(): void {
    const session = this.#session;
    if (session === undefined || this.#isOpening || this.#timer !== undefined) return;
    this.#isOpening = true;
    session.confirmChannel().then(
      (channel) => {
        this.#isOpening = false;
        this.#channelOpened(channel, session);
      },
      (error: unknown) => {
        this.#isOpening = false;
        if (this.#session === session) this.#retryLater(error);
        else this.#schedulePump();
      },
    );
  }

  #channelOpened(channel: ConfirmChannel, session: Session): void {
    let reason: unknown;
    channel.on("error", (error) => {
      reason = error;
    });
    if (this.#session !== session || this.#isClosed) {
      channel.close().catch(() => {});
      this.#schedulePump();
      return;
    }
    // Before the library's own listener, which calls back for each unconfirmed message.
    channel.prependListener("close", () => {
      if (this.#channel !== channel) return;
      // A right that is missing is missing for all that goes here: none of it was taken.
      if (replyCode(reason) === REPLY_CODE.accessRefused) this.#failWritten(sendFailure(this.#settings.name, reason));
      this.#channelGone(lostConnection(session.place, reason));
      // A connection that ends does so channel by channel first: only then is it known which of the two it was.
      queueMicrotask(() => {
        if (this.#session === session && !this.#isClosed) this.#retryLater(reason);
      });
    });
    channel.on("return", ({ properties }) => {
      const id: unknown = properties.messageId;
      const publication = typeof id === "string" ? this.#written.get(id) : undefined;
      if (publication === undefined) return;
      this.#returned.add(publication.id);
      // What was declared for it is gone.
      this.#declaredKeys.delete(publication.route.key);
    });
    channel.on("drain", () => {
      this.#isFull = false;
      this.#schedulePump();
    });
    this.#channel = channel;
    this.#isFull = false;
    this.#schedulePump();
  }

  async #declare(channel: ConfirmChannel, route: Route): Promise<void> {
    this.#isDeclaring = true;
    try {
      const { exchange, queues, key } = route;
      const { declarer } = this.#settings;
      if (exchange !== undefined && !this.#isExchangeDeclared) await declarer.exchange(channel, exchange);
      for (const bound of queues) this.#lookAt(bound.queue.name, await declarer.boundQueue(channel, bound));
      if (this.#channel !== channel) return;
      this.#isExchangeDeclared = exchange !== undefined;
      if (this.#declaredKeys.size >= REMEMBERED_QUEUES) this.#declaredKeys.clear();
      if (queues.length > 0) this.#declaredKeys.set(key, this.#settings.clock.now());
      this.#failures = 0;
    } catch (error) {
      // The channel has ended with it; what waits for this route is told where waiting cannot help.
      if (isPermanent(error)) this.#failRoute(route, sendFailure(route.name, error));
    } finally {
      this.#isDeclaring = false;
      this.#schedulePump();
    }
  }

  #lookAt(queue: string, { messageCount, consumerCount }: QueueCounts): void {
    if (consumerCount > 0 || messageCount < UNREAD_EVENTS) return;
    const words = `${messageCount} messages wait in the queue ${JSON.stringify(queue)}, and nobody takes them`;
    this.#settings.warn(`${words}: listen there, or stop sending what nobody wants`);
  }

  #failRoute(route: Route, error: MessagingError): void {
    for (const publication of this.#waiting.all()) {
      if (publication.route === route && this.#waiting.remove(publication)) publication.failed(error);
    }
    this.#tellIdle();
  }

  #failWritten(error: MessagingError): void {
    const written = [...this.#written.values()];
    this.#written.clear();
    this.#writtenBytes = 0;
    for (const publication of written) publication.failed(error);
  }

  /** Whatever was written is in doubt. */
  #channelGone(error: MessagingError): void {
    this.#channel = undefined;
    this.#isFull = false;
    this.#declaredKeys.clear();
    this.#isExchangeDeclared = false;
    this.#returned.clear();
    const written = [...this.#written.values()];
    this.#written.clear();
    this.#writtenBytes = 0;
    for (const publication of written) publication.doubtful(error);
    this.#tellIdle();
  }

  #retryLater(reason: unknown): void {
    this.#failures += 1;
    if (reason !== undefined && this.#failures === 3) {
      this.#settings.warn(`rabbit keeps ending the channel to ${this.#settings.name}: ${textOf(reason)}`, reason);
    }
    this.#timer = this.#settings.clock.setTimer(() => {
      this.#timer = undefined;
      this.#schedulePump();
    }, this.#settings.pace.delayMs(this.#failures));
  }

  #tellIdle(): void {
    if (!this.isIdle && this.#session !== undefined) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}

/** What was written and is of interest to nobody: it counts for the window until the broker has spoken. */
class Forgotten implements Publication {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;

  constructor({ route, id, body }: Publication) {
    this.route = route;
    this.id = id;
    this.body = body;
  }

  properties(): Record<string, never> {
    return {};
  }

  confirmed(): void {}
  returned(): void {}
  refused(): void {}
  failed(): void {}
  doubtful(): void {}
}
