import type { NotificationEvent, Priority } from "@trunkline/core";

/** Rates are of so many seconds. */
const WINDOW_S = 10;

/** What came of one event type so far. */
export interface TypeRow {
  readonly eventType: string;
  readonly count: number;
  /** Of the last ten seconds. */
  readonly perSecond: number;
  /** Of the last one, as the publisher. */
  readonly priority: Priority;
  readonly publisherId: string;
}

export interface Summary {
  readonly events: number;
  readonly perSecond: number;
  /** The most frequent first. */
  readonly types: readonly TypeRow[];
}

/** How many came in each of the last seconds. */
class Rate {
  readonly #counts: number[] = new Array<number>(WINDOW_S).fill(0);
  #second: number;

  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / 1_000);
  }

  add(nowMs: number): void {
    this.#moveTo(nowMs);
    this.#counts[0] = (this.#counts[0] ?? 0) + 1;
  }

  /** @param sinceMs when counting began: of a shorter time than the window, the rate is that of the time there was. */
  perSecond(nowMs: number, sinceMs: number): number {
    this.#moveTo(nowMs);
    const from = Math.max(sinceMs, (this.#second - WINDOW_S + 1) * 1_000);
    const seconds = Math.max(1, (nowMs - from) / 1_000);
    return this.#counts.reduce((sum, count) => sum + count, 0) / seconds;
  }

  /** The first of the counts is that of the second we are in. */
  #moveTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const passed = Math.min(WINDOW_S, second - this.#second);
    for (let i = 0; i < passed; i += 1) this.#counts.unshift(0);
    this.#counts.length = WINDOW_S;
    this.#second = second;
  }
}

interface Counted {
  readonly rate: Rate;
  count: number;
  last: Pick<NotificationEvent, "priority" | "publisherId">;
}

/** Counts events by type. All times are milliseconds of one clock that does not go back. */
export class Tally {
  readonly #since: number;
  readonly #all: Rate;
  readonly #types: Map<string, Counted> = new Map();
  #events = 0;

  constructor(nowMs: number) {
    this.#since = nowMs;
    this.#all = new Rate(nowMs);
  }

  get events(): number {
    return this.#events;
  }

  add({ eventType, priority, publisherId }: NotificationEvent, nowMs: number): void {
    const last = { priority, publisherId };
    const counted = this.#types.get(eventType) ?? { rate: new Rate(nowMs), count: 0, last };
    this.#types.set(eventType, counted);
    counted.rate.add(nowMs);
    counted.count += 1;
    counted.last = last;
    this.#all.add(nowMs);
    this.#events += 1;
  }

  summary(nowMs: number): Summary {
    const types = [...this.#types].map(([eventType, { rate, count, last }]) => {
      return { eventType, count, perSecond: rate.perSecond(nowMs, this.#since), ...last };
    });
    types.sort((one, other) => other.count - one.count || (one.eventType < other.eventType ? -1 : 1));
    return { events: this.#events, perSecond: this.#all.perSecond(nowMs, this.#since), types };
  }
}
