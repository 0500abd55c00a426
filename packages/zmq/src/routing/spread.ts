import {
  ConnectionLostError,
  type MessagingError,
  type Priority,
  type Receipt,
  type SendHandle,
  type WaitState,
} from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { ListenerRecord } from "../matchmaker/matchmaker.js";
import type { Advert } from "../wire/responses.js";
import type { Line } from "./line.js";
import type { MethodKey } from "./method-key.js";
import { OutgoingCast, OutgoingEvent, type OutgoingSend, type SendOwner } from "./outgoing.js";

/** Who asked for a spread. Called once. */
export interface SpreadOwner {
  done(receipt: Receipt): void;
  failed(error: MessagingError): void;
  /** Nobody waits for it any more. */
  readonly isAbandoned: boolean;
}

/** The bytes of a message, as they go to each. */
export interface EncodedBody {
  readonly bytes: Uint8Array;
  readonly flags: number;
}

/**
 * One message that goes to several: it is over when every part was accepted or found dead, and nobody that was known when it
 * was sent is still to be heard of (A4, C3).
 */
export abstract class Spread implements SendHandle, SendOwner {
  readonly #owner: SpreadOwner;
  readonly #parts: OutgoingSend[] = [];
  #accepted = 0;
  #lost = 0;
  /** Parts under way and processes not heard of; one for the placing itself. */
  #pending = 1;
  #isOver = false;
  readonly #whenOver: (() => void)[] = [];
  #error: MessagingError | undefined;

  constructor(owner: SpreadOwner) {
    this.#owner = owner;
  }

  get isOver(): boolean {
    return this.#isOver || this.#owner.isAbandoned;
  }

  /** Whether it is for the listener of such an advert, or of such a record. */
  abstract isFor(what: Advert | ListenerRecord): boolean;
  /** Sends a part to each of these that it is for and that has none yet. */
  abstract place(listeners: Iterable<RemoteListener>): void;
  /** Whether it has to wait for a process that may have this. */
  abstract needs(what: Advert | ListenerRecord): boolean;

  /** Calls back once it is over, however it ends. */
  whenOver(fn: () => void): void {
    this.#whenOver.push(fn);
  }

  hold(): void {
    this.#pending++;
  }

  release(): void {
    this.#pending--;
    if (this.#pending > 0 || this.#isOver) return;
    this.#end();
    if (this.#error !== undefined) this.#owner.failed(this.#error);
    else this.#owner.done({ accepted: this.#accepted, lost: this.#lost });
  }

  accepted(): void {
    this.#accepted++;
    this.release();
  }

  failed(error: MessagingError): void {
    if (error instanceof ConnectionLostError) this.#lost++;
    else this.#error ??= error;
    this.release();
  }

  /** It cannot be told any more whether all has arrived. */
  cancel(toError: (wait: WaitState) => MessagingError): void {
    if (!this.#isOver) this.#owner.failed(toError(this.giveUp()));
  }

  /** As {@link cancel}, without a word to whoever asked for it. */
  giveUp(): WaitState {
    this.#end();
    let wait: WaitState = this.#parts.length === 0 ? "no-connection" : "sent";
    for (const part of this.#parts) {
      if (part.state === "settled") continue;
      const obstacle = part.abandon();
      if (obstacle !== "sent") wait = obstacle;
    }
    return wait;
  }

  #end(): void {
    this.#isOver = true;
    for (const fn of this.#whenOver.splice(0)) fn();
  }

  protected post(part: OutgoingSend, line: Line, body: EncodedBody): void {
    part.body = body.bytes;
    part.flags = body.flags;
    this.#parts.push(part);
    this.hold();
    line.post(part);
  }
}

/** A fanout: a part for each server of the topic. */
export class FanoutSpread extends Spread {
  readonly #key: MethodKey;
  readonly #body: EncodedBody;
  readonly #lineOf: (listener: RemoteListener) => Line;
  readonly #placed: Set<RemoteListener> = new Set();

  constructor(owner: SpreadOwner, key: MethodKey, body: EncodedBody, lineOf: (listener: RemoteListener) => Line) {
    super(owner);
    this.#key = key;
    this.#body = body;
    this.#lineOf = lineOf;
  }

  isFor(what: Advert | ListenerRecord): boolean {
    return what.kind === "rpc";
  }

  needs(what: Advert | ListenerRecord): boolean {
    return this.isFor(what);
  }

  place(listeners: Iterable<RemoteListener>): void {
    for (const listener of listeners) {
      if (this.#placed.has(listener) || listener.isGoing) continue;
      this.#placed.add(listener);
      const line = this.#lineOf(listener);
      this.post(new OutgoingCast(line, this.#key, this), line, this.#body);
    }
  }
}

/** What pool without a name is called in maps: names are never empty (A5). */
export const NO_POOL = "";

export interface EventWords {
  readonly priority: Priority;
  readonly attempt: number;
  /** Only to this pool; absent: to each. */
  readonly onlyPool?: string | undefined;
}

/** An event: a part for each pool that listens to its priority. */
export class EventSpread extends Spread {
  readonly #words: EventWords;
  readonly #body: EncodedBody;
  readonly #lineOf: (pool: string, priority: Priority) => Line;
  readonly #placed: Set<string> = new Set();

  constructor(
    owner: SpreadOwner,
    words: EventWords,
    body: EncodedBody,
    lineOf: (pool: string, priority: Priority) => Line,
  ) {
    super(owner);
    this.#words = words;
    this.#body = body;
    this.#lineOf = lineOf;
  }

  isFor(what: Advert | ListenerRecord): boolean {
    if (what.kind !== "events" || what.priorities?.includes(this.#words.priority) !== true) return false;
    const { onlyPool } = this.#words;
    return onlyPool === undefined || (what.pool ?? NO_POOL) === onlyPool;
  }

  needs(what: Advert | ListenerRecord): boolean {
    return this.isFor(what) && !this.#placed.has(what.kind === "events" ? (what.pool ?? NO_POOL) : NO_POOL);
  }

  place(listeners: Iterable<RemoteListener>): void {
    const { priority, attempt } = this.#words;
    for (const { advert, isGoing } of listeners) {
      if (isGoing || !this.needs(advert) || advert.kind !== "events") continue;
      const pool = advert.pool ?? NO_POOL;
      this.#placed.add(pool);
      const line = this.#lineOf(pool, priority);
      this.post(new OutgoingEvent(line, priority, attempt, this), line, this.#body);
    }
  }
}
