import {
  ClosedError,
  ConnectionLostError,
  type MessagingError,
  TimeoutError,
  type Timer,
} from "@trunkline/core/driver";
import type { CastNames, EventNames } from "../wire/responses.js";
import type { EventTopic } from "./event-topic.js";
import type { Line } from "./line.js";
import { type Outgoing, OutgoingCast, type OutgoingSend } from "./outgoing.js";
import type { RpcTopic } from "./rpc-topic.js";
import { type EncodedBody, EventSpread, NO_POOL, type SpreadOwner } from "./spread.js";
import type { TopicHost } from "./topic-host.js";

export interface ReturnsHost extends TopicHost {
  /** What came back after it was accepted is given up after so long. */
  readonly returnedMs: number;
  castsLost(count: number, peer: string): void;
  dropped(reason: string, peer: string): void;
}

export interface Topics {
  rpcTopic(exchange: string, topic: string): RpcTopic;
  eventTopic(exchange: string, topic: string): EventTopic;
}

/** A message that came back after its sender had been told that it was accepted. */
interface Returned {
  readonly until: number;
  /** Nobody took it: that is reported, since nobody waits for it (B12). */
  expire(): void;
}

/**
 * Casts and events that a listener gave back, because it stops or asks for the event again: they go to another, and are
 * counted as lost where there is none.
 */
export class Returns {
  readonly #host: ReturnsHost;
  readonly #topics: Topics;
  readonly #returned: Set<Returned> = new Set();
  /** Events whose delay is not over, with their timers. */
  readonly #delayed: Map<() => void, Timer> = new Map();
  #delayedBytes = 0;
  #isClosed = false;

  constructor(host: ReturnsHost, topics: Topics) {
    this.#host = host;
    this.#topics = topics;
  }

  get size(): number {
    return this.#returned.size + this.#delayed.size;
  }

  /** @param sent what this process still held of it: its sender has not been told yet. */
  castBack(sent: OutgoingSend | undefined, names: CastNames, body: EncodedBody): void {
    if (sent?.state === "settled") return this.#host.dropped("a cast given back that nobody waits for", "");
    if (sent !== undefined) {
      sent.flags = body.flags;
      sent.body = body.bytes;
      const line = this.#isClosed ? sent.line : homeOf(sent, this.#topics);
      line.putBack([sent]);
      return;
    }
    if (this.#isClosed) return this.#host.castsLost(1, "");
    const topic = this.#topics.rpcTopic(names.exchange, names.topic);
    const line = names.server === undefined ? topic.any() : topic.server(names.server);
    const key = topic.methods.of(names.mode, names.namespace, names.version, names.method);
    const returned = this.#remember(() => cast.abandon());
    const cast = new OutgoingCast(line, key, {
      accepted: () => this.#returned.delete(returned),
      failed: () => returned.expire(),
    });
    cast.order = line.nextBackOrder++;
    cast.flags = body.flags;
    cast.body = body.bytes;
    line.putBack([cast]);
  }

  /** As {@link castBack}: the event was never begun, and goes to another of its pool. */
  eventBack(sent: OutgoingSend | undefined, names: EventNames, body: EncodedBody): void {
    if (sent?.state === "settled") return this.#host.dropped("an event given back that nobody waits for", "");
    if (sent === undefined) {
      if (this.#isClosed) this.#host.castsLost(1, "");
      else this.#toPool(names, body);
      return;
    }
    if (this.#isClosed) return sent.fail(new ClosedError("the transport was closed before the event was accepted"));
    sent.replacement = this.#spread(names, body, {
      get isAbandoned() {
        return sent.state === "settled";
      },
      done: ({ accepted }) => {
        if (accepted > 0) sent.accept();
        // For a pool that is gone it was for nobody (A7): its spread counts it as lost, and succeeds.
        else sent.fail(new ConnectionLostError("the last listener of the pool has stopped", false));
      },
      failed: (error) => sent.fail(error),
    });
  }

  /** A listener asked for the event again, after a delay (C4). */
  requeued(names: EventNames, body: EncodedBody, delayMs: number): void {
    const { messages, bytes } = this.#host.bounds;
    const isFull =
      this.#delayed.size >= messages || (this.#delayed.size > 0 && this.#delayedBytes + body.bytes.length > bytes);
    if (this.#isClosed || isFull) return this.#host.castsLost(1, "");
    this.#delayedBytes += body.bytes.length;
    const due = (): void => {
      this.#delayed.delete(due);
      this.#delayedBytes -= body.bytes.length;
      this.#toPool(names, body);
    };
    this.#delayed.set(due, this.#host.setTimer(due, delayMs));
  }

  sweep(now: number): void {
    for (const returned of this.#returned) if (returned.until <= now) returned.expire();
  }

  /** What nobody has taken yet is reported. */
  close(): void {
    this.#isClosed = true;
    for (const returned of [...this.#returned]) returned.expire();
    for (const timer of this.#delayed.values()) timer.cancel();
    if (this.#delayed.size > 0) this.#host.castsLost(this.#delayed.size, "");
    this.#delayed.clear();
    this.#delayedBytes = 0;
  }

  /** An accepted event goes to its pool again, and to no other. */
  #toPool(names: EventNames, body: EncodedBody): void {
    if (this.#isClosed) return;
    const expired = (): MessagingError => new TimeoutError("nobody of the pool took the event again");
    const returned = this.#remember(() => spread.cancel(expired));
    const spread = this.#spread(names, body, {
      isAbandoned: false,
      done: ({ accepted }) => {
        if (this.#returned.delete(returned) && accepted === 0) this.#host.castsLost(1, "");
      },
      failed: () => returned.expire(),
    });
  }

  #spread(names: EventNames, body: EncodedBody, owner: SpreadOwner): EventSpread {
    const topic = this.#topics.eventTopic(names.exchange, names.topic);
    const { priority, attempt } = names;
    const spread = new EventSpread(owner, { priority, attempt, onlyPool: names.pool ?? NO_POOL }, body, topic.lineOf);
    topic.rounds.add(spread);
    return spread;
  }

  #remember(abandon: () => unknown): Returned {
    const returned: Returned = {
      until: this.#host.now() + this.#host.returnedMs,
      expire: () => {
        if (!this.#returned.delete(returned)) return;
        abandon();
        this.#host.castsLost(1, "");
      },
    };
    this.#returned.add(returned);
    return returned;
  }
}

/** The line of a message that came back: where its own was forgotten meanwhile, the one that took its place. */
export function homeOf(message: Outgoing, topics: Pick<Topics, "rpcTopic">): Line {
  const { line } = message;
  if (!line.isRetired || line.place === undefined) return line;
  const { key, server } = line.place;
  const topic = topics.rpcTopic(key.exchange, key.topic);
  const successor = server === undefined ? topic.any() : topic.server(server);
  message.order = successor.nextBackOrder++;
  return successor;
}
