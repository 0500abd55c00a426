import { ConnectionLostError, type Priority, type WaitState } from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { TopicKey } from "../matchmaker/matchmaker.js";
import { Line, type LineKeeper } from "./line.js";
import { OutgoingEvent } from "./outgoing.js";
import { Rounds } from "./rounds.js";
import { describe } from "./rpc-topic.js";
import { EventSpread } from "./spread.js";
import type { TopicHost } from "./topic-host.js";

/** The pools of one topic as this process knows them, and what waits for them: a line for each priority of each pool. */
export class EventTopic implements LineKeeper {
  readonly key: TopicKey;
  readonly rounds: Rounds;
  readonly #host: TopicHost;
  readonly #listeners: Set<RemoteListener> = new Set();
  readonly #pools: Map<string, Map<Priority, Line>> = new Map();
  /** Also of lines that are forgotten: what was sent by one may come back. */
  readonly #poolOf: WeakMap<Line, string> = new WeakMap();
  #lastUsedAt: number;

  constructor(key: TopicKey, host: TopicHost) {
    this.key = key;
    this.#host = host;
    this.#lastUsedAt = host.now();
    this.rounds = new Rounds(key, host, this.#listeners);
  }

  get listeners(): ReadonlySet<RemoteListener> {
    return this.#listeners;
  }

  readonly lineOf = (pool: string, priority: Priority): Line => {
    this.#lastUsedAt = this.#host.now();
    let lines = this.#pools.get(pool);
    if (lines === undefined) {
      lines = new Map();
      this.#pools.set(pool, lines);
    }
    let line = lines.get(priority);
    if (line === undefined) {
      const name = pool === "" ? "the listeners without a pool" : `pool ${JSON.stringify(pool)}`;
      line = new Line(`${name} of ${describe(this.key)}`, this.#host, this);
      lines.set(priority, line);
      this.#poolOf.set(line, pool);
      for (const listener of this.#listeners) if (isIn(listener, pool, priority)) line.join(listener);
    }
    return line;
  };

  join(listener: RemoteListener): void {
    this.#listeners.add(listener);
    const { advert } = listener;
    if (advert.kind !== "events") return;
    const lines = this.#pools.get(advert.pool ?? "");
    if (lines === undefined) return;
    for (const [priority, line] of lines) if (advert.priorities.includes(priority)) line.join(listener);
  }

  leave(listener: RemoteListener): void {
    this.#listeners.delete(listener);
  }

  /** The last of a pool has gone: its events look for the pool afresh, and are lost where there is none any more. */
  starved(line: Line): void {
    if (line.members.length > 0) return;
    const pool = this.#poolOf.get(line) ?? "";
    for (const message of line.takeAll()) if (message instanceof OutgoingEvent) this.#placeAgain(message, pool);
  }

  obstacle(): WaitState {
    return "no-connection";
  }

  /** Forgets pools that nobody is in. True where the whole topic may be forgotten. */
  retire(unusedSince: number): boolean {
    for (const [pool, lines] of this.#pools) {
      for (const [priority, line] of lines) {
        if (line.members.length > 0 || line.size > 0) continue;
        line.isRetired = true;
        lines.delete(priority);
      }
      if (lines.size === 0) this.#pools.delete(pool);
    }
    if (this.#lastUsedAt > unusedSince || this.#listeners.size > 0 || this.rounds.isBusy) return false;
    return this.#pools.size === 0;
  }

  close(): void {
    this.rounds.close();
    for (const line of this.#lines()) line.close();
  }

  waiting(): number {
    let sum = 0;
    for (const line of this.#lines()) sum += line.size;
    return sum;
  }

  *#lines(): Iterable<Line> {
    for (const lines of this.#pools.values()) yield* lines.values();
  }

  #placeAgain(event: OutgoingEvent, pool: string): void {
    const { body, flags, priority, attempt, owner } = event;
    if (body === undefined) return;
    const dead = (): ConnectionLostError =>
      new ConnectionLostError(`the last listener of ${event.line.name} is gone; the event was not sent`, false);
    const spread = new EventSpread(
      {
        get isAbandoned() {
          return event.state === "settled";
        },
        done: ({ accepted }) => {
          if (event.state === "settled") return;
          event.state = "settled";
          if (accepted > 0) owner.accepted();
          else owner.failed(dead());
        },
        failed: (error) => event.fail(error),
      },
      { priority, attempt, onlyPool: pool },
      { bytes: body, flags },
      this.lineOf,
    );
    event.replacement = spread;
    this.rounds.add(spread);
  }
}

function isIn({ advert }: RemoteListener, pool: string, priority: Priority): boolean {
  return advert.kind === "events" && (advert.pool ?? "") === pool && advert.priorities.includes(priority);
}
