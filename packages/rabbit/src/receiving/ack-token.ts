import type { Clock, Timer } from "@trunkline/core/driver";
import type { Channel } from "amqplib";
import type { Session } from "../connection/session.js";

/** How long an acknowledgement that nobody waits for may wait for others to go with. */
const SOON_MS = 5;

/** Tags of one channel count from 1; a verdict on one of a channel that has ended has no effect. */
export class AckToken {
  readonly #channel: Channel;
  readonly #session: Pick<Session, "gather">;
  #isOpen = true;
  /** Every delivery up to this one has its verdict. */
  #settledTo = 0;
  /** Acknowledged, and not yet told. */
  #acked: number[] = [];
  /** Beyond `#settledTo`: told already. */
  readonly #told: Set<number> = new Set();
  #isScheduled = false;
  readonly #clock: Pick<Clock, "setTimer">;
  #timer: Timer | undefined;

  constructor(channel: Channel, session: Pick<Session, "gather">, clock: Pick<Clock, "setTimer">) {
    this.#channel = channel;
    this.#session = session;
    this.#clock = clock;
  }

  /** False: the channel has ended, and the broker has given what was unsettled to others. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  ended(): void {
    this.#isOpen = false;
    this.#acked = [];
    this.#timer?.cancel();
  }

  /** What was delivered was dealt with. Told with others at the end of this turn. */
  ack(tag: number): void {
    if (!this.#isOpen) return;
    this.#acked.push(tag);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /**
   * As {@link AckToken.ack}, but told within a few ms only, or as soon as `most` are to be told: a write of its own costs more than all
   * the rest of it.
   */
  ackSoon(tag: number, most: number): void {
    if (!this.#isOpen) return;
    if (this.#isScheduled || this.#acked.length + 1 >= most) {
      this.ack(tag);
      return;
    }
    this.#acked.push(tag);
    this.#timer ??= this.#clock.setTimer(() => this.flush(), SOON_MS);
  }

  /** Dropped, or dead-lettered where the queue says so. */
  reject(tag: number): void {
    this.#refuse(tag, false);
  }

  /** Back to where it was in its queue. */
  giveBack(tag: number): void {
    this.#refuse(tag, true);
  }

  /** Tells the broker now: many in a row by one frame. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#isOpen || this.#acked.length === 0) return;
    const acked = this.#acked.sort((a, b) => a - b);
    this.#acked = [];
    let inRow = 0;
    while (inRow < acked.length && acked[inRow] === this.#settledTo + inRow + 1) inRow += 1;
    const last = acked[inRow - 1];
    if (last !== undefined) this.#tell(last, inRow > 1);
    for (const tag of acked.slice(inRow)) {
      this.#tell(tag, false);
      this.#told.add(tag);
    }
    if (last !== undefined) this.#settledTo = last;
    this.#advance();
  }

  /**
   * Resolves when the broker has heard every verdict until now: it has answered a method that was written behind them.
   * @param prefetch that of this channel's consumers, which stays as it is
   * @throws Error where the channel ended before: then nobody knows whether it has heard.
   */
  async heard(prefetch: number): Promise<void> {
    this.flush();
    this.#session.gather();
    await this.#channel.prefetch(prefetch);
  }

  #refuse(tag: number, isRequeued: boolean): void {
    if (!this.#isOpen) return;
    // Else an acknowledgement of several, told later, would take this one along.
    this.flush();
    this.#channel.nack(asMessage(tag), false, isRequeued);
    this.#told.add(tag);
    this.#advance();
  }

  #tell(tag: number, isMultiple: boolean): void {
    this.#session.gather();
    this.#channel.ack(asMessage(tag), isMultiple);
  }

  #advance(): void {
    while (this.#told.delete(this.#settledTo + 1)) this.#settledTo += 1;
  }
}

/** Of a message the library reads its tag alone. */
function asMessage(deliveryTag: number): Parameters<Channel["ack"]>[0] {
  const fields = { deliveryTag, redelivered: false, exchange: "", routingKey: "" };
  return { fields, content: NOTHING, properties: NO_PROPERTIES };
}

const NOTHING: Buffer = Buffer.alloc(0);

const NO_PROPERTIES: Parameters<Channel["ack"]>[0]["properties"] = {
  contentType: undefined,
  contentEncoding: undefined,
  headers: undefined,
  deliveryMode: undefined,
  priority: undefined,
  correlationId: undefined,
  replyTo: undefined,
  expiration: undefined,
  messageId: undefined,
  timestamp: undefined,
  type: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
};
