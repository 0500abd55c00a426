import type { Channel } from "amqplib";

/** What the broker knows of one delivery. */
export type Fate = "held" | "acked" | "requeued" | "rejected";

/**
 * The broker's side of the deliveries of one channel, as AMQP 0-9-1 has it: a verdict on a tag that was never given, or has one
 * already, ends the channel (section 1.8.3.13).
 */
export class BrokerChannel {
  readonly fates: Map<number, Fate> = new Map();
  /** What was told, one text for each frame. */
  readonly frames: string[] = [];
  /** Answers to `prefetch`, in the hand of the test. */
  readonly asked: { readonly prefetch: number; answer(): void; fail(error: Error): void }[] = [];
  #delivered = 0;

  /** Of the channel this is all that is used. */
  get channel(): Channel {
    return this as unknown as Channel;
  }

  deliver(): number {
    this.#delivered += 1;
    this.fates.set(this.#delivered, "held");
    return this.#delivered;
  }

  tagsOf(fate: Fate): number[] {
    return [...this.fates].filter(([, of]) => of === fate).map(([tag]) => tag);
  }

  ack({ fields: { deliveryTag } }: { readonly fields: { readonly deliveryTag: number } }, isMultiple: boolean): void {
    this.frames.push(`ack ${isMultiple ? "to " : ""}${deliveryTag}`);
    if (!isMultiple) this.#settle(deliveryTag, "acked");
    else {
      const tags = this.tagsOf("held").filter((tag) => tag <= deliveryTag);
      if (tags.length === 0) throw new Error(`406: unknown delivery tag ${deliveryTag}`);
      for (const tag of tags) this.#settle(tag, "acked");
    }
  }

  nack(
    { fields: { deliveryTag } }: { readonly fields: { readonly deliveryTag: number } },
    isMultiple: boolean,
    isRequeued: boolean,
  ): void {
    if (isMultiple) throw new Error("nobody refuses several at once");
    this.frames.push(`${isRequeued ? "requeue" : "reject"} ${deliveryTag}`);
    this.#settle(deliveryTag, isRequeued ? "requeued" : "rejected");
  }

  prefetch(prefetch: number): Promise<void> {
    this.frames.push(`prefetch ${prefetch}`);
    return new Promise((resolve, reject) => {
      this.asked.push({ prefetch, answer: resolve, fail: reject });
    });
  }

  #settle(tag: number, fate: Fate): void {
    if (this.fates.get(tag) !== "held") throw new Error(`406: unknown delivery tag ${tag}`);
    this.fates.set(tag, fate);
  }
}
