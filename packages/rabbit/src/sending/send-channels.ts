import type { Clock, MessagingError, Timer } from "@trunkline/core/driver";
import type { Link } from "../connection/link.js";
import type { Route } from "../topology/declarations.js";
import { SendChannel, type SendChannelSettings } from "./send-channel.js";

/** Requests and what servers say about them do not wait for each other. */
export type Lane = "requests" | "replies" | "control";

export interface SendChannelsSettings extends Omit<SendChannelSettings, "name"> {
  readonly clock: Clock;
  /** A channel over which nothing went for so long is closed. */
  readonly idleMs: number;
}

/** The channels of a transport that messages are published on: one for each exchange and lane, as long as it is used. */
export class SendChannels {
  readonly #link: Link;
  readonly #settings: SendChannelsSettings;
  readonly #channels: Map<string, SendChannel> = new Map();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(link: Link, settings: SendChannelsSettings) {
    this.#link = link;
    this.#settings = settings;
  }

  get count(): number {
    return this.#channels.size;
  }

  get waiting(): number {
    return this.#sum((channel) => channel.waiting);
  }

  get unconfirmed(): number {
    return this.#sum((channel) => channel.unconfirmed);
  }

  of({ exchange }: Route, lane: Lane): SendChannel {
    const name = exchange?.name ?? "";
    const key = `${lane} ${name}`;
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const made = new SendChannel(this.#link, { ...this.#settings, name: name === "" ? "queues" : `"${name}"` });
    this.#channels.set(key, made);
    if (!this.#isClosed) this.#watch();
    return made;
  }

  /** Resolves when all that was given to them was confirmed; what cannot be written for want of a connection is not waited for. */
  async flushed(lane: Lane): Promise<void> {
    const channels = [...this.#channels].filter(([key]) => key.startsWith(`${lane} `));
    await Promise.all(channels.map(([, channel]) => channel.flushed()));
  }

  close(error: MessagingError): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const channel of this.#channels.values()) channel.close(error);
  }

  #watch(): void {
    const { clock, idleMs } = this.#settings;
    this.#timer ??= clock.setTimer(() => this.#sweep(), idleMs, { background: true });
  }

  #sweep(): void {
    this.#timer = undefined;
    const { clock, idleMs } = this.#settings;
    const now = clock.now();
    for (const [key, channel] of [...this.#channels]) {
      if (!channel.isIdle || now - channel.lastUsedAt < idleMs) continue;
      this.#channels.delete(key);
      channel.retire();
    }
    if (this.#channels.size > 0) this.#watch();
  }

  #sum(of: (channel: SendChannel) => number): number {
    let sum = 0;
    for (const channel of this.#channels.values()) sum += of(channel);
    return sum;
  }
}
