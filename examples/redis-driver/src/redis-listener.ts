import type {
  Address,
  Delivery,
  Listener,
  ListenOptions,
  MessagingError,
  Outcome,
  Subscription,
} from "@trunkline/core/driver";
import type { Redis } from "ioredis";
import { type Envelope, openEnvelope, type Packer } from "./envelope.js";
import { type Line, linesOf, ownListOf } from "./keys.js";
import { type Link, takeFrom } from "./link.js";
import { RedisDelivery } from "./redis-delivery.js";
import { BEAT, LEAVE, PUSH } from "./scripts.js";

/** What is handed back was in the line before. */
const NO_BOUND = Number.MAX_SAFE_INTEGER;

/** What a listener needs of its driver. */
export interface ListenerHost {
  readonly name: string;
  readonly link: Link;
  readonly packer: Packer;
  readonly memberTtlMs: number;
  readonly queueTtlMs: number;
  reply(list: string, bytes: Buffer): void;
  dropped(reason: string, peer?: string): void;
  castLost(peer: string): void;
  closed(listener: RedisListener): void;
}

/** Reads the lines of one subscription, never more messages than there is credit for (B13). A message that was read is gone from Redis. */
export class RedisListener implements Listener {
  readonly closed: Promise<MessagingError | undefined>;
  readonly #host: ListenerHost;
  readonly #id: string;
  readonly #address: Address;
  readonly #lines: readonly Line[];
  readonly #isForEvents: boolean;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #reader: Redis;
  readonly #held = new Set<RedisDelivery>();
  #credit: number;
  #isStopping = false;
  #wake: () => void = () => {};
  #reading: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #end: (error?: MessagingError) => void = () => {};

  constructor(
    host: ListenerHost,
    id: string,
    what: Subscription,
    deliver: (delivery: Delivery) => void,
    options: ListenOptions,
  ) {
    this.#host = host;
    this.#id = id;
    this.#address = what.address;
    this.#lines = linesOf(what);
    this.#isForEvents = what.kind === "events";
    this.#deliver = deliver;
    this.#credit = options.credit;
    this.#reader = host.link.connection();
    this.#reader.on("ready", () => this.#wake());
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** When it resolves, what is sent waits in a line that this listener will read (E2). */
  async open(): Promise<void> {
    const { redis } = this.#host.link;
    for (const { pools, pool } of this.#lines) if (pools !== undefined) await redis.sadd(pools, pool ?? "");
    await this.beat();
    // Not before `listen` has resolved.
    setImmediate(() => {
      this.#reading = this.#read();
    });
  }

  /** It is there for another while. A line is nobody's when no listener of it has said so in time. */
  async beat(): Promise<void> {
    if (this.#isStopping) return;
    const members = this.#lines.map((line) => line.members);
    const { memberTtlMs, queueTtlMs } = this.#host;
    const kept = this.#isForEvents ? 0 : queueTtlMs;
    await this.#host.link.redis.eval(BEAT, members.length, ...members, this.#id, memberTtlMs, kept);
  }

  setCredit(deliveries: number): void {
    this.#credit = deliveries;
    this.#wake();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async close(): Promise<void> {
    await this.stop();
    for (const delivery of [...this.#held]) delivery.abandon();
    this.#host.closed(this);
    this.#end(undefined);
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const { link } = this.#host;
    // The read that is blocked comes back with this. What it brings besides is handed back.
    if (link.isReady) await link.redis.rpush(ownListOf(this.#id), "").catch(() => this.#reader.disconnect());
    else this.#reader.disconnect();
    await this.#reading;
    this.#reader.disconnect();
    await this.#leave();
  }

  async #read(): Promise<void> {
    const lists = [ownListOf(this.#id), ...this.#lines.map(({ list }) => list)];
    while (!this.#isStopping) {
      const free = this.#credit - this.#held.size;
      if (free <= 0 || this.#reader.status !== "ready") {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const found = await takeFrom(this.#reader, lists, free);
      for (const bytes of found?.messages ?? []) this.#arrived(bytes, found?.list ?? "");
    }
  }

  #arrived(bytes: Buffer, list: string): void {
    if (bytes.length === 0) return; // what `stop` wrote
    const envelope = this.#opened(bytes);
    if (envelope === undefined) return;
    if (this.#isStopping) return this.#handBack(envelope, bytes, list);
    const { until, server, isFanout } = envelope;
    const { server: _, ...topic } = this.#address;
    const to: Address = {
      ...topic,
      ...(server === undefined ? {} : { server }),
      ...(isFanout ? { fanout: true } : {}),
    };
    const delivery: RedisDelivery = new RedisDelivery(envelope, to, {
      driverName: this.#host.name,
      until: until === undefined ? undefined : this.#host.link.fromRedis(until),
      answer: (outcome) => this.#answer(envelope, outcome),
      lose: (why, mayHaveRun) => this.#lose(envelope, why, mayHaveRun),
      handBack: () => this.#handBack(envelope, bytes, list),
      settled: () => {
        this.#held.delete(delivery);
        this.#wake();
      },
    });
    this.#held.add(delivery);
    this.#deliver(delivery);
  }

  /** Whoever can write to Redis can write anything (F1). */
  #opened(bytes: Buffer): Envelope | undefined {
    try {
      return openEnvelope(bytes);
    } catch {
      this.#host.dropped("it is no message");
      return undefined;
    }
  }

  #answer({ message, replyTo }: Envelope, outcome: Outcome): void {
    if (replyTo !== undefined) this.#host.reply(replyTo, this.#host.packer.reply(message.id, outcome));
  }

  #lose({ message, replyTo, from }: Envelope, why: string, mayHaveRun: boolean): void {
    if (replyTo !== undefined) this.#host.reply(replyTo, this.#host.packer.lost(message.id, why, mayHaveRun));
    else if (message.kind === "request") this.#host.castLost(from);
  }

  /** To the front of the line that it came from, where another listener reads it (B12). A fanout was for this one. */
  #handBack(envelope: Envelope, bytes: Buffer, list: string): void {
    const line = this.#lines.find((one) => one.list === list);
    const lost = (): void => this.#lose(envelope, "the server stopped, and there is no other", false);
    if (line === undefined) return lost();
    const { redis } = this.#host.link;
    redis.eval(PUSH, 2, line.members, line.list, bytes, NO_BOUND, "LPUSH", this.#host.queueTtlMs).then((code) => {
      if (Number(code) < 0) lost();
    }, lost);
  }

  /** What nobody will read any more is told to those who wait for it. */
  async #leave(): Promise<void> {
    const keys = [ownListOf(this.#id), ...this.#lines.flatMap(({ members, list }) => [members, list])];
    const left = await this.#host.link.redis.callBuffer("EVAL", LEAVE, keys.length, ...keys, this.#id).catch(() => []); // its beats end, so it is forgotten in time
    // The script returns a list of messages.
    for (const bytes of left as Buffer[]) {
      const envelope = bytes.length === 0 ? undefined : this.#opened(bytes);
      if (envelope !== undefined) this.#lose(envelope, "the last server stopped", false);
    }
  }
}
