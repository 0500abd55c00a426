import { EventEmitter } from "node:events";
import type { Channel, ConsumeMessage } from "amqplib";

/** A channel that knows what was bound, consumed and acknowledged on it; what is asked once it hangs has no answer until it ends. */
export class ScriptedChannel extends EventEmitter {
  readonly bound: string[] = [];
  /** Tags, in the order in which the broker heard of them. */
  readonly acked: number[] = [];
  hangs = false;
  refusesBindings: Error | undefined;
  readonly #consumers: Map<string, (message: ConsumeMessage) => void> = new Map();
  #delivered = 0;
  readonly #unanswered: ((error: Error) => void)[] = [];

  get channel(): Channel {
    // Of the channel this is all that consumers use.
    return this as unknown as Channel;
  }

  /** As the library does it: what was asked fails first, without a code, and then the channel is closed. */
  end(): void {
    for (const fail of this.#unanswered.splice(0)) fail(new Error("Channel ended, no reply will be forthcoming"));
    this.emit("close");
  }

  /** Hands a message over, as from `queue`. Returns its tag. */
  deliver(queue: string, message: ConsumeMessage): number {
    this.#delivered += 1;
    const fields = { ...message.fields, deliveryTag: this.#delivered };
    this.#consumers.get(queue)?.({ ...message, fields });
    return this.#delivered;
  }

  assertQueue = (): Promise<object> => this.#answer({ messageCount: 0, consumerCount: 0 });
  assertExchange = (): Promise<object> => this.#answer({});
  prefetch = (): Promise<object> => this.#answer({});
  consume = (queue: string, onMessage: (message: ConsumeMessage) => void): Promise<object> => {
    this.#consumers.set(queue, onMessage);
    return this.#answer({ consumerTag: queue });
  };
  /** One by one, where nothing was left out: this driver tells of several by the last of them. */
  ack = ({ fields: { deliveryTag } }: ConsumeMessage): void => void this.acked.push(deliveryTag);
  cancel = (): Promise<object> => this.#answer({});
  close = async (): Promise<void> => {};
  deleteQueue = (): Promise<object> => this.#answer({});

  bindQueue = async (_queue: string, _exchange: string, key: string): Promise<object> => {
    await this.#answer({});
    if (this.refusesBindings !== undefined) throw this.refusesBindings;
    this.bound.push(key);
    return {};
  };

  #answer<Answer>(answer: Answer): Promise<Answer> {
    if (!this.hangs) return Promise.resolve(answer);
    return new Promise((_, reject) => this.#unanswered.push(reject));
  }
}
