import {
  backoffDelayMs,
  type Connection,
  FIRST_CONNECTION,
  type MessagingError,
  nextConnection,
  type resolveBackoff,
  type Timer,
} from "@trunkline/core/driver";
import { DialedLink, type LinkKeeper, type LinkOwner, type SessionEnd } from "../link/dialed-link.js";
import type { ListenerRecord } from "../matchmaker/matchmaker.js";
import type { Advert } from "../wire/responses.js";

/** While somebody waits, a lost connection is tried again so often at least: it must be found soon after it is back (E6). */
const WAITED_FOR_MS = 4_000;
/** Who does not let this process in is not asked again for so long, by whomever (RFC 26 has no client come again with what was refused). */
const DENIED_MS = 2_000;

/** What a dial came to. `absent`: nobody is there, or not who was meant. */
export type Settlement = "ready" | "absent";

export interface PeerHost {
  readonly linkOwner: LinkOwner;
  readonly backoff: ReturnType<typeof resolveBackoff>;
  setTimer(run: () => void, delayMs: number): Timer;
  dial(link: DialedLink): void;
  /** The record's address had no listener. */
  refused(record: ListenerRecord): void;
  /** Whether it was used so lately that its connection, were it there, would be kept: a lost one is made again for as long (E5). */
  isInUse(peer: Peer): boolean;
  /** The peer's connection was lost and is being made again, or that is over. */
  troubled(peer: Peer, isTroubled: boolean, detail: string, error: MessagingError | undefined): void;
  warn(message: string, error: unknown): void;
  /** Nobody needs it any more: it is to be forgotten. */
  gone(peer: Peer): void;
}

/**
 * One remote process, by the address to dial: at most one link at a time. One that was lost is made again with backoff, while
 * somebody waits for it, the URL lists it, or it was in use a moment ago; but not where nobody listens any more.
 */
export class Peer implements LinkKeeper {
  readonly address: string;
  /** Listed in the URL: kept for as long as the transport lives. */
  readonly isStanding: boolean;
  /** When somebody last asked for it. */
  lastUsedAt: number;
  /** What the process listened to when its connection was lost: what may wait for it. */
  remembered: readonly Advert[] = [];
  /** Why the last attempt failed, in words. */
  failure: string | undefined;
  /** Where that was that one side does not let the other in. */
  denial: MessagingError | undefined;
  readonly #host: PeerHost;
  #record: ListenerRecord | undefined;
  #connection: Connection = FIRST_CONNECTION;
  #link: DialedLink | undefined;
  #timer: Timer | undefined;
  #isAbsent = false;
  #wasReady = false;
  #isWarned = false;
  #isTroubled = false;
  #lastSequence = 0;
  readonly #waiters: Set<(settlement: Settlement) => void> = new Set();

  constructor(host: PeerHost, address: string, isStanding: boolean, now: number) {
    this.#host = host;
    this.address = address;
    this.isStanding = isStanding;
    this.lastUsedAt = now;
  }

  /** The link, once it is in session. */
  get readyLink(): DialedLink | undefined {
    return this.#link?.isReady === true ? this.#link : undefined;
  }

  get link(): DialedLink | undefined {
    return this.#link;
  }

  /** Whether a message may wait for it: it is being dialled for the first time, or was there and was lost. */
  get isHopeful(): boolean {
    return this.#connection.name !== "closed" && !this.#isAbsent;
  }

  /** Whether it may give way to another: nobody would notice now. */
  get isDispensable(): boolean {
    if (this.isStanding) return false;
    if (this.#connection.name === "open") return this.readyLink?.isIdle === true;
    return this.#wasReady && this.#waiters.size === 0;
  }

  /** Whether it is not known, or was known when it was lost, to have such a listener. */
  mayHave(fits: (advert: Advert) => boolean): boolean {
    return !this.#wasReady || this.remembered.some(fits);
  }

  /**
   * Keeps `lastUsedAt` true: whether its link carried a message since this was last asked, or has something under way, or is
   * one of those among which a topic in use chooses, which must not lose a server for having been passed over (A2).
   */
  noteUse(link: DialedLink, now: number): void {
    const { sequence } = link.outbox;
    if (sequence !== this.#lastSequence || !link.isIdle) this.lastUsedAt = now;
    else this.lastUsedAt = Math.max(this.lastUsedAt, link.lastWantedAt);
    this.#lastSequence = sequence;
  }

  /** The newest record that named this address. */
  meet(record: ListenerRecord): void {
    this.#record = record;
  }

  start(): void {
    this.#dial();
  }

  /**
   * Calls back once it is in session, or found absent; at once where it is one of them already. While somebody waits, a lost
   * connection is made again. The returned function ends the wait.
   */
  whenSettled(waiter: (settlement: Settlement) => void): () => void {
    if (this.readyLink !== undefined) waiter("ready");
    else if (this.#isAbsent || this.#connection.name === "closed") {
      waiter("absent");
      if (this.denial === undefined) this.hurry();
    } else {
      this.#waiters.add(waiter);
      // How long to wait for the next attempt was worked out when nobody cared.
      if (this.#waiters.size === 1) this.hurry();
    }
    return () => this.#waiters.delete(waiter);
  }

  /** Dials now instead of when the backoff is over. */
  hurry(): void {
    if (this.#connection.name !== "waiting") return;
    this.#timer?.cancel();
    this.#retry();
  }

  /** Parts from it, in good order where it is in session. */
  close(lingerMs?: number): void {
    this.#timer?.cancel();
    this.#connection = nextConnection(this.#connection, { type: "end" });
    this.#link?.leave(lingerMs);
    this.#setTroubled(false, "closed", undefined);
    this.#settle("absent");
  }

  ready(_link: DialedLink): void {
    this.#connection = nextConnection(this.#connection, { type: "opened" });
    this.#isAbsent = false;
    this.#wasReady = true;
    this.#isWarned = false;
    this.#lastSequence = 0;
    this.failure = undefined;
    this.denial = undefined;
    this.remembered = [];
    this.#setTroubled(false, "connected", undefined);
    this.#settle("ready");
  }

  ended(link: DialedLink, end: SessionEnd): void {
    const adverts =
      this.#connection.name === "open" ? [...link.listeners].map(({ advert }) => advert) : this.remembered;
    this.#link = undefined;
    if (this.#connection.name === "closed") return;
    this.failure = `${this.address}: ${end.refusal?.text ?? end.detail}`;
    this.denial = end.reason === "denied" ? end.error : undefined;
    const isLost = this.#isLost(end);
    this.remembered = isLost ? adverts : [];
    this.#isAbsent = !isLost;
    if (!isLost) {
      if (end.reason === "refused" && this.#record !== undefined) this.#host.refused(this.#record);
      this.#settle("absent");
    }
    // Who does not let this process in is known as that for a while: a message that waits is to learn it, and not to hope for one
    // new attempt after the other.
    if (!this.#isNeeded(isLost) && this.denial === undefined) return this.#giveUp();
    this.#connection = nextConnection(this.#connection, { type: "lost" });
    if (isLost) this.#setTroubled(true, end.detail, end.error);
    const attempt = this.#connection.name === "waiting" ? this.#connection.attempt : 1;
    this.#timer = this.#host.setTimer(() => this.#retry(), this.#delayMs(attempt));
  }

  /** Whether the process may still be there, so that what is meant for it waits (A7). */
  #isLost(end: SessionEnd): boolean {
    if (end.refusal !== undefined) {
      const { code, text } = end.refusal;
      if (code === "version" || code === "auth" || code === "protocol") {
        this.#host.warn(`${this.address} refused this process (${code}): ${text}`, undefined);
      }
      return false;
    }
    switch (end.reason) {
      case "refused":
        return false;
      case "denied":
        if (!this.#isWarned)
          this.#host.warn(`${this.address} and this process do not let each other in: ${end.detail}`, end.error);
        this.#isWarned = true;
        return false;
      case "failed":
        this.#host.warn(`cannot connect to ${this.address}: ${end.detail}`, end.error);
        return false;
      case "handshake":
        // Frozen, or of another kind: told once, and hoped for until the message's own deadline.
        if (!this.#isWarned)
          this.#host.warn(`${this.address} took the connection and did not greet: ${end.detail}`, end.error);
        this.#isWarned = true;
        return true;
      default:
        return !end.isOrderly;
    }
  }

  #delayMs(attempt: number): number {
    const { backoff } = this.#host;
    if (this.denial !== undefined) return Math.max(DENIED_MS, backoffDelayMs(attempt, backoff));
    if (this.#waiters.size === 0) return backoffDelayMs(attempt, backoff);
    return backoffDelayMs(attempt, { ...backoff, maxDelayMs: Math.min(backoff.maxDelayMs, WAITED_FOR_MS) });
  }

  #dial(): void {
    const link = new DialedLink(this.#host.linkOwner, this, this.address, this.#record?.incarnation ?? "");
    this.#link = link;
    this.#host.dial(link);
  }

  #retry(): void {
    if (this.#connection.name !== "waiting") return;
    if (!this.#isNeeded(!this.#isAbsent)) return this.#giveUp();
    this.#connection = nextConnection(this.#connection, { type: "retry" });
    this.#dial();
  }

  /** Whether the connection is to be made again. @param isLost whether the process may still be there. */
  #isNeeded(isLost: boolean): boolean {
    if (this.isStanding || this.#waiters.size > 0) return true;
    return isLost && this.#wasReady && this.#host.isInUse(this);
  }

  #giveUp(): void {
    this.#connection = nextConnection(this.#connection, { type: "end" });
    this.#setTroubled(false, "given up", undefined);
    this.#host.gone(this);
  }

  #settle(settlement: Settlement): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter(settlement);
  }

  #setTroubled(isTroubled: boolean, detail: string, error: MessagingError | undefined): void {
    if (this.#isTroubled === isTroubled) return;
    this.#isTroubled = isTroubled;
    this.#host.troubled(this, isTroubled, detail, error);
  }
}
