/** What a topic asks of its transport, by hand: processes that come and go, and a name service that says what a test says. */
import type { MessagingError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import type { RemoteListener } from "../../src/link/remote-listener.js";
import { Tick } from "../../src/link/tick.js";
import type { ListenerRecord, Matchmaker } from "../../src/matchmaker/matchmaker.js";
import type { Peer, Settlement } from "../../src/pool/peer.js";
import type { LineBounds } from "../../src/routing/line.js";
import type { TopicHost } from "../../src/routing/topic-host.js";
import type { Advert } from "../../src/wire/responses.js";
import { seeded } from "./fake-listeners.js";

/** A process, as far as topics look at one. */
export class FakePeer {
  readonly address: string;
  readonly isStanding: boolean;
  isHopeful = true;
  failure: string | undefined;
  /** That it and this process do not let each other in. */
  denial: MessagingError | undefined;
  /** What it had when it was lost; undefined: it was never there. */
  remembered: readonly Advert[] | undefined;
  readonly listeners: RemoteListener[] = [];
  readonly confirms: ((isOpen: boolean) => void)[] = [];
  readonly #waiters: Set<(settlement: Settlement) => void> = new Set();
  #isReady = false;
  #isAbsent = false;

  constructor(address: string, isStanding = false) {
    this.address = address;
    this.isStanding = isStanding;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get readyLink(): object | undefined {
    if (!this.#isReady) return undefined;
    return { listeners: this.listeners, confirm: (heard: (isOpen: boolean) => void) => this.confirms.push(heard) };
  }

  mayHave(fits: (advert: Advert) => boolean): boolean {
    return this.remembered === undefined || this.remembered.some(fits);
  }

  whenSettled(waiter: (settlement: Settlement) => void): () => void {
    if (this.#isReady) waiter("ready");
    else if (this.#isAbsent) waiter("absent");
    else this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  /** It is in session, with these. Who uses it joins them to the topic first. */
  ready(...listeners: RemoteListener[]): void {
    this.#isReady = true;
    this.listeners.push(...listeners);
    this.#settle("ready");
  }

  absent(failure: string): void {
    this.#isAbsent = true;
    this.isHopeful = false;
    this.failure = failure;
    this.#settle("absent");
  }

  #settle(settlement: Settlement): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter(settlement);
  }
}

export class FakeTopicHost {
  readonly clock: ManualClock = new ManualClock();
  readonly tick: Tick = new Tick(() => this.clock.now());
  readonly bounds: LineBounds = { messages: 100, bytes: 1e9 };
  readonly discoveryMs = 1_000;
  readonly returnedMs = 30_000;
  readonly random: () => number = seeded(1);
  readonly warnings: string[] = [];
  readonly dropped: string[] = [];
  castsLost = 0;
  /** What a look-up answers with. */
  records: ListenerRecord[] = [];
  lookups = 0;
  lookupError: Error | undefined;
  watchers = 0;
  onChange: () => void = () => {};
  readonly peers: Map<string, FakePeer> = new Map();

  /** The same, as topics want it. */
  get host(): TopicHost & {
    readonly returnedMs: number;
    castsLost(count: number): void;
    dropped(reason: string): void;
  } {
    const matchmaker: Partial<Matchmaker> = {
      lookup: async () => {
        this.lookups++;
        if (this.lookupError !== undefined) throw this.lookupError;
        return this.records;
      },
      watch: (_key, onChange) => {
        this.watchers++;
        this.onChange = onChange;
        return () => void this.watchers--;
      },
    };
    const peers = this.peers;
    const pool = {
      get peers(): Iterable<Peer> {
        return peers.values() as Iterable<unknown> as Iterable<Peer>;
      },
      reach: (record: ListenerRecord) => this.peer(record.address),
    };
    return {
      tick: this.tick,
      bounds: this.bounds,
      discoveryMs: this.discoveryMs,
      returnedMs: this.returnedMs,
      random: this.random,
      matchmaker: matchmaker as Matchmaker,
      pool: pool as never,
      now: () => this.clock.now(),
      setTimer: (run, delayMs) => this.clock.setTimer(run, delayMs),
      warn: (message) => this.warnings.push(message),
      castsLost: (count) => {
        this.castsLost += count;
      },
      dropped: (reason) => this.dropped.push(reason),
    };
  }

  /** The process at that address, which is made where there is none. */
  peer(address: string, isStanding = false): FakePeer {
    let peer = this.peers.get(address);
    if (peer === undefined) {
      peer = new FakePeer(address, isStanding);
      this.peers.set(address, peer);
    }
    return peer;
  }

  /** Puts a server on record. */
  record(address: string, server = "s"): void {
    const place = { realm: "", exchange: "default", topic: "t", address, incarnation: "i" };
    this.records.push({ kind: "rpc", ...place, server });
  }

  /** Puts a listener of events on record. */
  recordPool(address: string, pool: string | undefined, priorities: ListenerRecord["priorities"] = ["info"]): void {
    const place = { realm: "", exchange: "default", topic: "t", address, incarnation: "i" };
    this.records.push({
      kind: "events",
      ...place,
      ...(priorities === undefined ? {} : { priorities }),
      ...(pool === undefined ? {} : { pool }),
    });
  }

  /** Lets promises and ticks go on, and timers of so long. */
  settle(ms = 0): Promise<void> {
    return this.clock.tick(ms);
  }
}
