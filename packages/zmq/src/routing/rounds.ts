import { ClosedError } from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { ListenerRecord, TopicKey } from "../matchmaker/matchmaker.js";
import type { Peer } from "../pool/peer.js";
import type { Spread } from "./spread.js";
import type { TopicHost } from "./topic-host.js";

/** So long a round waits for processes that were just dialled, before it goes to those that are there. */
const BARRIER_MS = 200;

/**
 * Fanouts and events of one topic, in rounds: those of one tick share one fresh look-up, and the next round begins when this
 * one has been placed, so that each listener gets them in the order sent (B11).
 */
export class Rounds {
  readonly #key: TopicKey;
  readonly #host: TopicHost;
  readonly #listeners: ReadonlySet<RemoteListener>;
  #next: Spread[] = [];
  /** All that are not over. */
  readonly #open: Set<Spread> = new Set();
  #isRunning = false;

  constructor(key: TopicKey, host: TopicHost, listeners: ReadonlySet<RemoteListener>) {
    this.#key = key;
    this.#host = host;
    this.#listeners = listeners;
  }

  get isBusy(): boolean {
    return this.#isRunning;
  }

  add(spread: Spread): void {
    this.#open.add(spread);
    spread.whenOver(() => this.#open.delete(spread));
    this.#next.push(spread);
    if (this.#isRunning) return;
    this.#isRunning = true;
    process.nextTick(() => void this.#run());
  }

  /** What is not over fails. */
  close(): void {
    for (const spread of [...this.#open])
      spread.cancel(() => new ClosedError("the transport was closed before the message was accepted"));
  }

  async #run(): Promise<void> {
    while (this.#next.length > 0) {
      const spreads = this.#next;
      this.#next = [];
      await this.#round(spreads);
    }
    this.#isRunning = false;
  }

  async #round(spreads: readonly Spread[]): Promise<void> {
    const unheard = new Unheard(spreads, this.#key);
    try {
      const records = await this.#host.matchmaker.lookup(this.#key);
      for (const record of records) {
        if (spreads.some((spread) => spread.isFor(record))) unheard.add(this.#host.pool.reach(record), record);
      }
    } catch (error) {
      this.#host.warn(`cannot look up topic ${JSON.stringify(this.#key.topic)}; what is connected goes on`, error);
    }
    for (const peer of this.#host.pool.peers) if (peer.isStanding) unheard.addStanding(peer);
    await unheard.barrier((run) => this.#host.setTimer(run, BARRIER_MS));
    for (const spread of spreads) {
      if (!spread.isOver) spread.place(this.#listeners);
    }
    unheard.placed();
    for (const spread of spreads) spread.release();
  }
}

/** The processes of one round that may have listeners which are not known yet. */
class Unheard {
  readonly #spreads: readonly Spread[];
  readonly #key: TopicKey;
  readonly #records: Map<Peer, ListenerRecord[]> = new Map();
  readonly #unwaits: Map<Peer, () => void> = new Map();
  #isPlaced = false;
  #onAllHeard: (() => void) | undefined;

  constructor(spreads: readonly Spread[], key: TopicKey) {
    this.#spreads = spreads;
    this.#key = key;
  }

  add(peer: Peer, record: ListenerRecord): void {
    const link = peer.readyLink;
    if (link !== undefined) {
      for (const { advert } of link.listeners) if (isSame(record, advert)) return;
    }
    const records = this.#records.get(peer);
    if (records !== undefined) records.push(record);
    else this.#records.set(peer, [record]);
  }

  /** A process that the URL lists, and that is not there: what it listened to when it was lost waits for it (A7). */
  addStanding(peer: Peer): void {
    if (peer.readyLink !== undefined || !peer.isHopeful || this.#records.has(peer)) return;
    if (peer.mayHave((advert) => this.#isMine(advert))) this.#records.set(peer, []);
  }

  /** Resolves when each was heard of, or the time is up. */
  barrier(setTimer: (run: () => void) => { cancel(): void }): Promise<void> {
    for (const peer of this.#records.keys()) this.#wait(peer);
    if (this.#records.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimer(resolve);
      this.#onAllHeard = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** From now on, whoever is heard of gets what is for it at once; spreads that need nobody of them do not wait. */
  placed(): void {
    this.#isPlaced = true;
    for (const [peer, records] of this.#records) {
      const waiting = this.#spreads.filter((spread) => !spread.isOver && this.#isNeeded(spread, peer, records));
      if (waiting.length === 0) {
        this.#unwaits.get(peer)?.();
        continue;
      }
      let left = waiting.length;
      for (const spread of waiting) {
        spread.hold();
        spread.whenOver(() => {
          if (--left === 0) this.#giveUp(peer);
        });
      }
      this.#onHeard.set(peer, () => {
        const listeners = [...(peer.readyLink?.listeners ?? [])].filter(({ advert }) => this.#isMine(advert));
        for (const spread of waiting) {
          if (!spread.isOver) spread.place(listeners);
          spread.release();
        }
      });
    }
  }

  readonly #onHeard: Map<Peer, () => void> = new Map();

  /** Nobody waits for the process any more; it may never be heard of. */
  #giveUp(peer: Peer): void {
    this.#records.delete(peer);
    this.#onHeard.delete(peer);
    this.#unwaits.get(peer)?.();
    this.#unwaits.delete(peer);
  }

  #isNeeded(spread: Spread, peer: Peer, records: readonly ListenerRecord[]): boolean {
    if (records.length > 0) return records.some((record) => spread.needs(record));
    return peer.mayHave((advert) => this.#isMine(advert) && spread.needs(advert));
  }

  #isMine(advert: { readonly kind: string; readonly exchange: string; readonly topic: string }): boolean {
    const { kind, exchange, topic } = this.#key;
    return advert.kind === kind && advert.exchange === exchange && advert.topic === topic;
  }

  #wait(peer: Peer): void {
    const link = peer.readyLink;
    // In session, and yet to be told of a listener that is on record: what it says next tells.
    if (link !== undefined) return link.confirm(() => this.#heard(peer));
    const unwait = peer.whenSettled(() => this.#heard(peer));
    if (this.#records.has(peer)) this.#unwaits.set(peer, unwait);
  }

  #heard(peer: Peer): void {
    if (!this.#records.delete(peer)) return;
    this.#unwaits.delete(peer);
    if (this.#isPlaced) this.#onHeard.get(peer)?.();
    else if (this.#records.size === 0) this.#onAllHeard?.();
  }
}

function isSame(record: ListenerRecord, advert: RemoteListener["advert"]): boolean {
  if (record.kind !== advert.kind || record.topic !== advert.topic || record.exchange !== advert.exchange) return false;
  if (advert.kind === "rpc") return record.server === advert.server;
  return record.pool === advert.pool && sameList(record.priorities ?? [], advert.priorities);
}

function sameList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index]);
}
