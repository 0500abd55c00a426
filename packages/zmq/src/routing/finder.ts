import { AuthError, type MessagingError, type Timer, UnreachableError, type WaitState } from "@trunkline/core/driver";
import type { ListenerRecord } from "../matchmaker/matchmaker.js";
import type { Peer } from "../pool/peer.js";
import type { Line } from "./line.js";

/** The first look at a topic waits so long at most for all that were found, before its messages go to those that are there. */
const GATHER_MS = 200;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

export interface FinderHost {
  readonly discoveryMs: number;
  now(): number;
  setTimer(run: () => void, delayMs: number): Timer;
  /** The processes that may have a listener for the line, as of now: dialled, or being dialled. */
  find(line: Line): Promise<readonly Peer[]>;
  /** Whether a message may wait for this process, which is not in session. */
  mayServe(peer: Peer, line: Line): boolean;
}

/**
 * Looks for listeners while messages of a line wait and there is none: asks the matchmaker afresh, again and again, and gives
 * a message up once it has waited `discoveryMs` and nobody is left to hope for (A7).
 */
export class Finder {
  readonly line: Line;
  readonly #host: FinderHost;
  readonly #onEnd: () => void;
  readonly #unwaits: Map<Peer, () => void> = new Map();
  readonly #unsettled: Set<Peer> = new Set();
  #candidates: readonly Peer[] = [];
  #timer: Timer | undefined;
  /** Since when there is nobody: who waited for credit until then has not waited for a listener yet. */
  readonly #since: number;
  #pauseMs = FIRST_PAUSE_MS;
  #failure: string | undefined;
  #cause: unknown;
  #isEnded = false;

  /** @param gathers whether messages wait until all that are found first have been heard. */
  constructor(line: Line, host: FinderHost, gathers: boolean, onEnd: () => void) {
    this.line = line;
    this.#since = host.now();
    this.#host = host;
    this.#onEnd = onEnd;
    if (gathers) {
      line.isGathering = true;
      this.#timer = host.setTimer(() => this.#gathered(), GATHER_MS);
    }
    void this.#look();
  }

  /** What the line's messages wait for. */
  get obstacle(): WaitState {
    return this.#candidates.some((peer) => this.#isHope(peer)) ? "no-connection" : "no-listener";
  }

  /** Its line has members, or nothing waits any more. */
  check(): void {
    if (this.line.isGathering) return;
    if (this.line.members.length > 0 || this.line.size === 0) this.end();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.line.isGathering = false;
    this.#timer?.cancel();
    for (const unwait of this.#unwaits.values()) unwait();
    this.#onEnd();
  }

  async #look(): Promise<void> {
    try {
      this.#candidates = await this.#host.find(this.line);
      this.#cause = undefined;
    } catch (error) {
      // With the matchmaker down, what is connected goes on, and what is being made may yet come.
      this.#cause = error;
    }
    if (this.#isEnded) return;
    for (const peer of this.#candidates) this.#await(peer);
    if (this.line.isGathering && this.#unsettled.size === 0) this.#gathered();
    if (this.#isEnded) return;
    this.#giveUp();
    if (this.#isEnded || this.line.isGathering) return;
    this.check();
    if (!this.#isEnded) this.#pause();
  }

  #await(peer: Peer): void {
    if (this.#unwaits.has(peer)) return;
    this.#unsettled.add(peer);
    this.#unwaits.set(peer, () => {});
    const unwait = peer.whenSettled((settlement) => {
      this.#unsettled.delete(peer);
      this.#unwaits.delete(peer);
      if (settlement === "absent") this.#failure = peer.failure ?? this.#failure;
      if (this.#isEnded) return;
      if (this.line.isGathering && this.#unsettled.size === 0) queueMicrotask(() => this.#gathered());
    });
    if (this.#unsettled.has(peer)) this.#unwaits.set(peer, unwait);
  }

  /** All that were found have been heard, or it took too long. */
  #gathered(): void {
    if (this.#isEnded || !this.line.isGathering) return;
    this.line.isGathering = false;
    this.#timer?.cancel();
    this.line.pump();
    this.check();
    if (!this.#isEnded) this.#pause();
  }

  #pause(): void {
    this.#timer?.cancel();
    const now = this.#host.now();
    const oldest = this.line.oldest;
    const untilDue =
      oldest === undefined ? LONGEST_PAUSE_MS : Math.max(oldest, this.#since) + this.#host.discoveryMs - now;
    const pauseMs = untilDue > 0 ? Math.min(this.#pauseMs, untilDue) : this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#timer = this.#host.setTimer(() => {
      this.check();
      if (!this.#isEnded) void this.#look();
    }, pauseMs);
  }

  #giveUp(): void {
    if (this.line.members.length > 0 || this.#candidates.some((peer) => this.#isHope(peer))) return;
    const nobodySince = this.#host.now() - this.#host.discoveryMs;
    if (nobodySince >= this.#since) this.line.failOlder(nobodySince, () => this.#unreachable());
  }

  #isHope(peer: Peer): boolean {
    return peer.readyLink === undefined && peer.isHopeful && this.#host.mayServe(peer, this.line);
  }

  #unreachable(): MessagingError {
    const denial = this.#candidates.find((peer) => peer.denial !== undefined)?.denial;
    if (denial !== undefined) {
      // It may be the one that listens: who is not let in cannot know.
      return new AuthError(
        `nobody that lets this process in listens for ${this.line.name}: ${denial.message}; compare security, keys, user and ` +
          "password of both sides",
        { cause: denial },
      );
    }
    const failure = this.#failure === undefined ? "" : ` (${this.#failure})`;
    return new UnreachableError(
      `nobody listens for ${this.line.name}, and nobody came within ${this.#host.discoveryMs} ms${failure}; start a server, or compare ` +
        "realm, exchange, topic and server with its own",
      { cause: this.#cause },
    );
  }
}

/** The records that are for one server of a topic, or for any. */
export function recordsOf(records: readonly ListenerRecord[], server: string | undefined): readonly ListenerRecord[] {
  return server === undefined ? records : records.filter((record) => record.server === server);
}
