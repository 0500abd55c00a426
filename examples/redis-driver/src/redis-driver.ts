import {
  type Address,
  type CallHandle,
  type CallOptions,
  type Capabilities,
  ClosedError,
  ConnectionLostError,
  type Delivery,
  type Driver,
  type DriverEvents,
  type DriverHost,
  type DriverStats,
  type Event,
  type Listener,
  type ListenOptions,
  type MessagingError,
  OverloadedError,
  type Receipt,
  type ReplySink,
  type Request,
  type SendOptions,
  type Subscription,
  type Timer,
  TypedEmitter,
  UnreachableError,
  type WaitState,
} from "@trunkline/core/driver";
import type { Redis } from "ioredis";
import { openReply, Packer, type Reply } from "./envelope.js";
import { lineOf, OWN_LISTS, poolLines, poolsOf, repliesOf } from "./keys.js";
import { type Link, takeFrom } from "./link.js";
import { type ListenerHost, RedisListener } from "./redis-listener.js";
import { FANOUT, FULL, NOBODY, PUBLISH, PUSH } from "./scripts.js";

/** How long a reply waits for a caller that does not fetch it, in ms. */
const REPLY_TTL_MS = 60_000;
const REPLIES_AT_ONCE = 100;

/** Redis has it, whoever it is for: what `acceptance: broker` means (B2). */
const TAKEN: Receipt = { accepted: 1, lost: 0 };

/** What the URL says, and what comes with it. */
export interface DriverSettings {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly memberTtlMs: number;
  readonly queueTtlMs: number;
  readonly maxQueued: number;
}

/** Something that waits for a connection or for an answer, and can be told that there is none. */
interface Pending {
  wait: WaitState;
  fail(error: MessagingError, mayHaveRun: boolean): void;
}

interface PendingCall extends Pending {
  readonly sink: ReplySink;
}

/** Calls, casts and events in lists of Redis. Each message is taken out of its list by one listener, once: at most once (B12). */
export class RedisDriver implements Driver {
  readonly capabilities: Capabilities;
  readonly events: TypedEmitter<DriverEvents>;
  readonly #host: DriverHost;
  readonly #link: Link;
  readonly #settings: DriverSettings;
  readonly #packer: Packer;
  readonly #id: string;
  readonly #calls = new Map<string, PendingCall>();
  readonly #sends = new Set<Pending>();
  readonly #listeners = new Set<RedisListener>();
  readonly #replies: Redis;
  #beats: Timer | undefined;
  #dropped = 0;
  #closing: Promise<void> | undefined;

  constructor(host: DriverHost, link: Link, settings: DriverSettings) {
    this.#host = host;
    this.#link = link;
    this.#settings = settings;
    this.#id = host.newId();
    this.#packer = new Packer(settings.name, settings.capabilities.maxMessageBytes);
    this.capabilities = settings.capabilities;
    this.events = new TypedEmitter<DriverEvents>(host.logger);
    this.#replies = link.connection();
    this.#replies.on("ready", () => void this.#readReplies());
    link.redis.on("close", () => this.#tell("degraded"));
    link.redis.on("ready", () => {
      this.#tell("connected");
      void this.#beat();
    });
    this.#armBeats();
  }

  call(to: Address, request: Request, sink: ReplySink, { until }: CallOptions): CallHandle {
    const { id } = request;
    const call: PendingCall = {
      wait: "no-connection",
      sink,
      fail: (error, mayHaveRun) => {
        if (this.#calls.delete(id)) sink.lost(error, mayHaveRun);
      },
    };
    this.#calls.set(id, call);
    let giveUp = (): boolean => false;
    try {
      const more = { from: this.#id, replyTo: repliesOf(this.#id), until: this.#link.toRedis(until) };
      const bytes = this.#packer.envelope(to, request, more);
      this.#refuseIfClosed();
      giveUp = this.#link.whenReady(() => {
        call.wait = "sent";
        this.#push(to, bytes).catch((error) => call.fail(error, error.mayHaveRun === true));
      });
    } catch (error) {
      // What encoding throws is a MessagingError. Never before `call` has returned.
      queueMicrotask(() => call.fail(error as MessagingError, false));
    }
    const cancel = (): WaitState => {
      giveUp();
      this.#calls.delete(id);
      return call.wait;
    };
    return { cancel, credit() {} };
  }

  send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      this.#refuseIfClosed(); // a throw rejects
      const bytes = this.#packer.envelope(to, message, { from: this.#id, replyTo: undefined, until: undefined });
      let giveUp = (): boolean => false;
      const pending: Pending = {
        wait: "no-connection",
        fail: (error) => {
          giveUp();
          this.#sends.delete(pending);
          reject(error);
        },
      };
      this.#sends.add(pending);
      options.onCancel({ cancel: (toError) => pending.fail(toError(pending.wait), pending.wait === "sent") });
      giveUp = this.#link.whenReady(() => {
        pending.wait = "sent";
        const sent = message.kind === "event" ? this.#publish(to, message, bytes) : this.#push(to, bytes);
        sent.then(
          (receipt) => {
            this.#sends.delete(pending);
            resolve(receipt);
          },
          (error: MessagingError) => pending.fail(error, false),
        );
      });
    });
  }

  async listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    this.#refuseIfClosed();
    const listener = new RedisListener(this.#listenerHost(), this.#host.newId(), what, deliver, options);
    this.#listeners.add(listener);
    try {
      await this.#orLost(listener.open());
      return listener;
    } catch (error) {
      await listener.close();
      throw error;
    }
  }

  stats(): DriverStats {
    return {
      counters: { dropped: this.#dropped },
      gauges: { calls: this.#calls.size, sends: this.#sends.size, listeners: this.#listeners.size },
      links: [{ peer: this.#link.name, ready: this.#link.isReady }],
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#beats?.cancel();
    for (const listener of [...this.#listeners]) await listener.close();
    const error = new ClosedError("the transport is closed");
    for (const pending of [...this.#calls.values(), ...this.#sends]) pending.fail(error, pending.wait === "sent");
    this.#replies.disconnect();
    const { redis } = this.#link;
    if (this.#link.isReady) {
      // In order behind the replies that were written before.
      await redis.del(repliesOf(this.#id)).catch(() => {});
    }
    redis.disconnect();
    this.events.emit("status", { state: "closed", detail: this.#link.name });
  }

  /** A request goes to the line of its topic or server, a fanout to the own list of each. */
  async #push(to: Address, bytes: Buffer): Promise<Receipt> {
    const { fanout: _, ...address } = to;
    const { members, list } = lineOf(address);
    const { maxQueued, queueTtlMs } = this.#settings;
    const { redis } = this.#link;
    if (to.fanout === true) {
      await this.#orLost(redis.eval(FANOUT, 1, members, bytes, maxQueued, OWN_LISTS, queueTtlMs));
      return TAKEN;
    }
    const code = Number(await this.#orLost(redis.eval(PUSH, 2, members, list, bytes, maxQueued, "RPUSH", queueTtlMs)));
    if (code === NOBODY) throw new UnreachableError(`nobody listens on ${nameOf(to)}`);
    if (code === FULL) throw new OverloadedError(`${maxQueued} messages wait already on ${nameOf(to)}`);
    return TAKEN;
  }

  async #publish(to: Address, { priority }: Event, bytes: Buffer): Promise<Receipt> {
    const { members, list } = poolLines(to, priority);
    const { maxQueued } = this.#settings;
    const args = [bytes, maxQueued, list, members];
    const code = Number(await this.#orLost(this.#link.redis.eval(PUBLISH, 1, poolsOf(to, priority), ...args)));
    if (code === FULL) throw new OverloadedError(`${maxQueued} events wait already on ${nameOf(to)}`);
    return TAKEN;
  }

  /** What was written when the connection ended may have arrived. */
  async #orLost<Result>(command: Promise<Result>): Promise<Result> {
    try {
      return await command;
    } catch (cause) {
      if (this.#closing !== undefined) throw new ClosedError("the transport is closed", { cause });
      throw new ConnectionLostError(`the connection to Redis at ${this.#link.name} was lost`, true, { cause });
    }
  }

  async #readReplies(): Promise<void> {
    while (this.#replies.status === "ready") {
      const found = await takeFrom(this.#replies, [repliesOf(this.#id)], REPLIES_AT_ONCE);
      for (const bytes of found?.messages ?? []) this.#replied(bytes);
    }
  }

  #replied(bytes: Buffer): void {
    let reply: Reply;
    try {
      reply = openReply(bytes);
    } catch {
      return this.#drop("it is no reply");
    }
    const call = this.#calls.get(reply.id);
    if (call === undefined) return this.#drop("its call is over"); // B9
    if ("lost" in reply) {
      const told = reply.mayHaveRun ? new ConnectionLostError(reply.lost, true) : new UnreachableError(reply.lost);
      return call.fail(told, reply.mayHaveRun);
    }
    this.#calls.delete(reply.id);
    call.sink.end(reply.outcome);
  }

  #listenerHost(): ListenerHost {
    return {
      name: this.#settings.name,
      link: this.#link,
      packer: this.#packer,
      memberTtlMs: this.#settings.memberTtlMs,
      queueTtlMs: this.#settings.queueTtlMs,
      reply: (list, bytes) => {
        this.#link.whenReady(() => {
          const { redis } = this.#link;
          // The caller has its deadline, if the connection ends just now.
          redis
            .multi()
            .rpush(list, bytes)
            .pexpire(list, REPLY_TTL_MS)
            .exec()
            .catch(() => {});
        });
      },
      dropped: (reason, peer) => this.#drop(reason, peer),
      castLost: (peer) => this.events.emit("castsLost", { count: 1, peer }),
      closed: (listener) => this.#listeners.delete(listener),
    };
  }

  #drop(reason: string, peer?: string): void {
    this.#dropped++;
    this.events.emit("dropped", { count: 1, reason, ...(peer === undefined ? {} : { peer }) });
  }

  #armBeats(): void {
    const again = (): void => {
      void this.#beat();
      this.#armBeats();
    };
    this.#beats = this.#host.clock.setTimer(again, this.#settings.memberTtlMs / 3, { background: true });
  }

  async #beat(): Promise<void> {
    if (!this.#link.isReady) return; // as soon as it is
    const all = [this.#link.readClock(), ...[...this.#listeners].map((listener) => listener.beat())];
    await Promise.allSettled(all);
  }

  #tell(state: "connected" | "degraded"): void {
    if (this.#closing === undefined) this.events.emit("status", { state, detail: this.#link.name });
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined) throw new ClosedError("the transport is closed");
  }
}

function nameOf({ exchange, topic, server }: Address): string {
  return `topic "${topic}"${server === undefined ? "" : `, server "${server}"`} (exchange "${exchange}")`;
}
