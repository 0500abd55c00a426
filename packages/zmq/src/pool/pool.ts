import { type Clock, type MessagingError, resolveBackoff, type Timer } from "@trunkline/core/driver";
import type { Engine } from "../engine/engine.js";
import type { DialedLink, LinkOwner } from "../link/dialed-link.js";
import type { ListenerRecord, Matchmaker } from "../matchmaker/matchmaker.js";
import { Peer, type PeerHost } from "./peer.js";

export interface PoolOptions {
  /** An unused link is closed after this long. */
  readonly idleMs: number;
  /** Beyond so many, the link that was used longest ago gives way. */
  readonly maxLinks: number;
  /** An idle link is pinged so often, so that its listener does not take it for dead. */
  readonly pingMs: number;
  /** How long a process that took the connection may take to answer HELLO. */
  readonly welcomeMs: number;
}

export interface PoolParts {
  readonly engine: Engine;
  readonly matchmaker: Matchmaker;
  readonly linkOwner: LinkOwner;
  readonly clock: Clock;
  readonly random: () => number;
  /** Where an address is really dialled: the place for proxies and for faults in tests. */
  readonly dialHook: (address: string) => string;
  /** The first trouble began, or the last is over. */
  status(state: "connected" | "degraded", detail: string, error: MessagingError | undefined): void;
  warn(message: string, error: unknown): void;
}

/** How long the goodbye of a link may take to leave: all that matters was answered before. */
const LINGER_MS = 100;

/** The processes that this one has links to: dialled on use, one link each, closed when idle, made again when lost before that. */
export class Pool implements PeerHost {
  readonly linkOwner: LinkOwner;
  readonly backoff: ReturnType<typeof resolveBackoff>;
  readonly #parts: PoolParts;
  readonly #options: PoolOptions;
  readonly #peers: Map<string, Peer> = new Map();
  readonly #troubled: Set<Peer> = new Set();
  /** Evicted, with last words on their way. */
  readonly #leaving: Set<DialedLink> = new Set();
  readonly #dialledAt: Map<DialedLink, number> = new Map();
  #evicted = 0;
  #dialled = 0;
  #isClosed = false;

  constructor(parts: PoolParts, options: PoolOptions) {
    this.#parts = parts;
    this.#options = options;
    this.linkOwner = parts.linkOwner;
    this.backoff = resolveBackoff({ random: parts.random });
  }

  get peers(): Iterable<Peer> {
    return this.#peers.values();
  }

  /** Dials those that the URL lists, and keeps to them. */
  open(): void {
    for (const address of this.#parts.matchmaker.standingPeers) this.#add(address, true, undefined);
  }

  /** The process that a record names, which is dialled unless it is already. */
  reach(record: ListenerRecord): Peer {
    const now = this.#parts.clock.now();
    const known = this.#peers.get(record.address);
    if (known !== undefined) {
      known.meet(record);
      known.lastUsedAt = now;
      return known;
    }
    return this.#add(record.address, false, record);
  }

  /** To be called every few seconds. */
  sweep(now: number): void {
    const { idleMs, pingMs, welcomeMs } = this.#options;
    for (const [link, at] of this.#dialledAt) {
      if (link.isReady || !link.isOpen) this.#dialledAt.delete(link);
      else if (now - at > welcomeMs)
        link.cut(`no answer to HELLO within ${welcomeMs} ms; is it a process of this protocol?`);
    }
    for (const peer of this.#peers.values()) {
      const link = peer.readyLink;
      if (link === undefined) continue;
      peer.noteUse(link, now);
      if (!peer.isStanding && now - peer.lastUsedAt > idleMs) this.#evict(peer);
      if (link.isReady && now - link.lastSentAt >= pingMs) link.ping();
    }
  }

  stats(): { readonly counters: Readonly<Record<string, number>>; readonly gauges: Readonly<Record<string, number>> } {
    let ready = 0;
    for (const peer of this.#peers.values()) if (peer.readyLink !== undefined) ready++;
    return {
      counters: { "pool.dialled": this.#dialled, "pool.evicted": this.#evicted },
      gauges: { "pool.links": this.#peers.size, "pool.ready": ready, "pool.troubled": this.#troubled.size },
    };
  }

  /** Parts from all, and resolves when the engine has let go of every link. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const links = [...this.#peers.values()].flatMap(({ link }) => (link === undefined ? [] : [link]));
    for (const peer of this.#peers.values()) peer.close(LINGER_MS);
    this.#peers.clear();
    await Promise.all([...links, ...this.#leaving].map(({ gone }) => gone));
  }

  // ---- What its peers ask

  setTimer(run: () => void, delayMs: number): Timer {
    return this.#parts.clock.setTimer(run, delayMs, { background: true });
  }

  dial(link: DialedLink): void {
    this.#dialled++;
    this.#dialledAt.set(link, this.#parts.clock.now());
    link.dial(this.#parts.engine, this.#parts.dialHook(link.address));
  }

  isInUse(peer: Peer): boolean {
    return this.#parts.clock.now() - peer.lastUsedAt <= this.#options.idleMs;
  }

  refused(record: ListenerRecord): void {
    this.#parts.matchmaker.refused(record);
  }

  troubled(peer: Peer, isTroubled: boolean, detail: string, error: MessagingError | undefined): void {
    const before = this.#troubled.size;
    if (isTroubled) this.#troubled.add(peer);
    else this.#troubled.delete(peer);
    if (this.#isClosed) return;
    if (before === 0 && isTroubled)
      this.#parts.status("degraded", `the connection to ${peer.address} was lost (${detail})`, error);
    else if (before === 1 && this.#troubled.size === 0)
      this.#parts.status("connected", `${peer.address}: ${detail}`, undefined);
  }

  warn(message: string, error: unknown): void {
    this.#parts.warn(message, error);
  }

  gone(peer: Peer): void {
    if (this.#peers.get(peer.address) === peer) this.#peers.delete(peer.address);
  }

  #add(address: string, isStanding: boolean, record: ListenerRecord | undefined): Peer {
    if (this.#peers.size >= this.#options.maxLinks) this.#makeRoom();
    const peer = new Peer(this, address, isStanding, this.#parts.clock.now());
    if (record !== undefined) peer.meet(record);
    if (this.#isClosed) {
      // Somebody had asked before the transport was closed: nobody is dialled any more.
      peer.close();
      return peer;
    }
    this.#peers.set(address, peer);
    peer.start();
    return peer;
  }

  /** The idle link that was used longest ago gives way; where none is idle the pool outgrows its bound until one is. */
  #makeRoom(): void {
    let oldest: Peer | undefined;
    for (const peer of this.#peers.values()) {
      if (!peer.isDispensable) continue;
      if (oldest === undefined || peer.lastUsedAt < oldest.lastUsedAt) oldest = peer;
    }
    if (oldest !== undefined) this.#evict(oldest);
  }

  #evict(peer: Peer): void {
    this.#evicted++;
    this.#peers.delete(peer.address);
    const { link } = peer;
    peer.close(LINGER_MS);
    if (link === undefined) return;
    this.#leaving.add(link);
    void link.gone.then(() => this.#leaving.delete(link));
  }
}
