import {
  type Address,
  type CallHandle,
  type CallOptions,
  ClosedError,
  type Event,
  MessagingError,
  NotSupportedError,
  type Receipt,
  type ReplySink,
  type Request,
  type SendOptions,
  SerializationError,
} from "@trunkline/core/driver";
import type { LinkOwner } from "../link/dialed-link.js";
import type { RemoteListener } from "../link/remote-listener.js";
import type { Tick } from "../link/tick.js";
import type { TopicKey } from "../matchmaker/matchmaker.js";
import type { CastNames, EventNames } from "../wire/responses.js";
import { BodyEncoder } from "./body-encoder.js";
import { EventTopic } from "./event-topic.js";
import type { Line } from "./line.js";
import { Memo } from "./memo.js";
import { type Outgoing, OutgoingCall, type OutgoingSend } from "./outgoing.js";
import { PlainCast } from "./plain-cast.js";
import { homeOf, Returns, type ReturnsHost, type Topics } from "./returns.js";
import { RpcTopic } from "./rpc-topic.js";
import { EventSpread, FanoutSpread, type SpreadOwner } from "./spread.js";
import type { TopicHost } from "./topic-host.js";

export interface SenderParts extends TopicHost, ReturnsHost {
  readonly realm: string;
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly tick: Tick;
  newSession(): Uint8Array;
}

/** The sending half of a transport: topics, the messages that wait in them, and what comes back. */
export class Sender implements LinkOwner {
  readonly tick: Tick;
  readonly realm: string;
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly #parts: SenderParts;
  readonly #encoder: BodyEncoder;
  readonly #rpcTopics: Map<string, RpcTopic> = new Map();
  readonly #eventTopics: Map<string, EventTopic> = new Map();
  readonly #topics: Topics;
  readonly #returns: Returns;
  #isClosed = false;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.tick = parts.tick;
    this.realm = parts.realm;
    this.name = parts.name;
    this.maxMessageBytes = parts.maxMessageBytes;
    this.#encoder = new BodyEncoder(parts.maxMessageBytes);
    this.#topics = {
      rpcTopic: (exchange, topic) => this.#rpcTopic({ kind: "rpc", realm: this.realm, exchange, topic }),
      eventTopic: (exchange, topic) => this.#eventTopic({ kind: "events", realm: this.realm, exchange, topic }),
    };
    this.#returns = new Returns(parts, this.#topics);
  }

  call(to: Address, request: Request, sink: ReplySink, options: CallOptions): CallHandle {
    try {
      if (options.stream !== undefined) {
        throw new NotSupportedError("the zmq driver does not claim streaming", "streaming", "@trunkline/zmq");
      }
      this.#checkOpen();
      const memo = this.#memoOf(to);
      const { line } = memo;
      if (line === undefined)
        throw new NotSupportedError("a call cannot go to a fanout address", "fanout", "@trunkline/zmq");
      const call = new OutgoingCall(line, memo.keyOf(request), sink, options.until, options.monitorMs);
      const listener = line.choose();
      if (listener !== undefined) listener.link.sendCall(listener, call, request);
      else this.#wait(call, request);
      return call;
    } catch (error) {
      return refusedCall(sink, asMessagingError(error));
    }
  }

  send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt> {
    try {
      this.#checkOpen();
      if (message.kind === "event") return this.#emit(to, message, options);
      const memo = this.#memoOf(to);
      if (memo.line === undefined) return this.#fanout(memo, message, options);
      return this.#cast(memo, memo.line, message, options);
    } catch (error) {
      return Promise.reject(asMessagingError(error));
    }
  }

  /** To be called every second: forgets what nobody uses, and gives up what nobody takes back. */
  sweep(now: number, unusedMs: number): void {
    for (const [key, topic] of this.#rpcTopics) if (topic.retire(now - unusedMs)) this.#rpcTopics.delete(key);
    for (const [key, topic] of this.#eventTopics) if (topic.retire(now - unusedMs)) this.#eventTopics.delete(key);
    this.#returns.sweep(now);
  }

  stats(): Readonly<Record<string, number>> {
    let waiting = 0;
    for (const topic of [...this.#rpcTopics.values(), ...this.#eventTopics.values()]) waiting += topic.waiting();
    const topics = this.#rpcTopics.size + this.#eventTopics.size;
    return {
      "sender.waiting": waiting,
      "sender.topics": topics,
      "sender.returned": this.#returns.size,
    };
  }

  /** What waits fails with ClosedError. */
  close(): void {
    this.#isClosed = true;
    this.#returns.close();
    for (const topic of this.#rpcTopics.values()) topic.close();
    for (const topic of this.#eventTopics.values()) topic.close();
    this.#rpcTopics.clear();
    this.#eventTopics.clear();
  }

  // ---- What its links tell

  newSession(): Uint8Array {
    return this.#parts.newSession();
  }

  joined(listener: RemoteListener): void {
    if (this.#isClosed) return;
    const { kind, exchange, topic } = listener.advert;
    const key: TopicKey = { kind, realm: this.realm, exchange, topic };
    if (kind === "rpc") this.#rpcTopic(key).join(listener);
    else this.#eventTopic(key).join(listener);
  }

  left(listener: RemoteListener): void {
    const { kind, exchange, topic } = listener.advert;
    const name = keyOf(exchange, topic);
    if (kind === "rpc") this.#rpcTopics.get(name)?.leave(listener);
    else this.#eventTopics.get(name)?.leave(listener);
  }

  unsent(messages: readonly Outgoing[]): void {
    for (const message of messages) this.#home(message).putBack([message]);
  }

  callBack(call: OutgoingCall): void {
    if (call.state !== "settled") this.#home(call).putBack([call]);
  }

  castBack(sent: OutgoingSend | undefined, names: CastNames, flags: number, body: Uint8Array): void {
    this.#returns.castBack(sent, names, { bytes: body, flags });
  }

  eventBack(sent: OutgoingSend | undefined, names: EventNames, flags: number, body: Uint8Array): void {
    this.#returns.eventBack(sent, names, { bytes: body, flags });
  }

  requeued(names: EventNames, flags: number, body: Uint8Array, delayMs: number): void {
    this.#returns.requeued(names, { bytes: body, flags }, delayMs);
  }

  castsLost(count: number, peer: string): void {
    this.#parts.castsLost(count, peer);
  }

  dropped(reason: string, peer: string): void {
    this.#parts.dropped(reason, peer);
  }

  // ---- Inside

  /** Where a message that came back waits; once all is closed, in its own line, which fails it. */
  #home(message: Outgoing): Line {
    return this.#isClosed ? message.line : homeOf(message, this.#topics);
  }

  #wait(message: OutgoingCall | PlainCast, request: Request): void {
    const { bytes, flags } = this.#encoder.encode(request);
    message.body = bytes;
    message.flags = flags;
    message.line.wait(message);
  }

  #cast(memo: Memo, line: Line, request: Request, options: SendOptions): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const cast = new PlainCast(line, memo.keyOf(request), resolve, reject);
      const listener = line.choose();
      try {
        if (listener !== undefined) listener.link.sendCast(listener, cast, request);
        else this.#wait(cast, request);
      } catch (error) {
        reject(asMessagingError(error));
        return;
      }
      options.onCancel(cast);
    });
  }

  #fanout(memo: Memo, request: Request, options: SendOptions): Promise<Receipt> {
    const body = this.#encoder.encode(request);
    const { topic } = memo;
    return this.#spread(options, (owner) => {
      const spread = new FanoutSpread(owner, memo.keyOf(request), body, (listener) => topic.own(listener));
      topic.rounds.add(spread);
      return spread;
    });
  }

  #emit(to: Address, event: Event, options: SendOptions): Promise<Receipt> {
    const body = this.#encoder.encode(event);
    const topic = this.#eventTopic({ kind: "events", realm: this.realm, exchange: to.exchange, topic: to.topic });
    return this.#spread(options, (owner) => {
      const spread = new EventSpread(owner, { priority: event.priority, attempt: 1 }, body, topic.lineOf);
      topic.rounds.add(spread);
      return spread;
    });
  }

  #spread(options: SendOptions, begin: (owner: SpreadOwner) => EventSpread | FanoutSpread): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      options.onCancel(begin({ isAbandoned: false, done: resolve, failed: reject }));
    });
  }

  #memoOf(to: Address): Memo {
    const known = to.memo;
    if (known instanceof Memo && known.address === to && known.line?.isRetired !== true && !known.topic.isRetired) {
      if (known.line !== undefined) known.line.lastUsedAt = this.tick.now();
      return known;
    }
    const topic = this.#rpcTopic({ kind: "rpc", realm: this.realm, exchange: to.exchange, topic: to.topic });
    const memo = new Memo(to, topic);
    to.memo = memo;
    return memo;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ClosedError("the transport is closed; open a new one");
  }

  #rpcTopic(key: TopicKey): RpcTopic {
    const name = keyOf(key.exchange, key.topic);
    let topic = this.#rpcTopics.get(name);
    if (topic === undefined) {
      topic = new RpcTopic(key, this.#parts);
      this.#rpcTopics.set(name, topic);
    }
    return topic;
  }

  #eventTopic(key: TopicKey): EventTopic {
    const name = keyOf(key.exchange, key.topic);
    let topic = this.#eventTopics.get(name);
    if (topic === undefined) {
      topic = new EventTopic(key, this.#parts);
      this.#eventTopics.set(name, topic);
    }
    return topic;
  }
}

/** Names hold no control characters (A5). */
function keyOf(exchange: string, topic: string): string {
  return `${exchange}\n${topic}`;
}

/** A call that could not even be written: told once `call` has returned. */
function refusedCall(sink: ReplySink, error: MessagingError): CallHandle {
  let isCancelled = false;
  queueMicrotask(() => {
    if (!isCancelled) sink.lost(error, false);
  });
  return {
    cancel() {
      isCancelled = true;
      return "no-connection";
    },
    credit() {},
  };
}

function asMessagingError(error: unknown): MessagingError {
  if (error instanceof MessagingError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SerializationError(`the message could not be encoded: ${message}`, { cause: error });
}
