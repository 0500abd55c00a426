import type { Clock, MessagingError, Timer } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import { Outgoing, type OutgoingTerms } from "../sending/outgoing.js";
import type { Publication } from "../sending/publication.js";
import type { SendChannels } from "../sending/send-channels.js";
import type { Route } from "../topology/declarations.js";

/** For how long a reply queue that was not there is not tried again, and how many of them are remembered. */
const DEAD_MS = 60_000;
const REMEMBERED_DEAD = 200;
/** A queue that is just being made again is there soon. */
const RETRY_MS = 250;

export interface AnswersHost {
  readonly clock: Clock;
  readonly channels: SendChannels;
  readonly terms: OutgoingTerms;
  /** For how long a reply is offered to a reply queue that is not there. */
  readonly replyRetryMs: number;
  newId(): string;
  route(replyQueue: string, isMandatory: boolean): Route;
  /** A reply that reached nobody. */
  undelivered(replyQueue: string): void;
}

/** What servers send to reply queues. A queue that has vanished holds up no other, and no handler. */
export class Answers {
  readonly #host: AnswersHost;
  /** Until when a queue counts as gone. */
  readonly #dead: Map<string, number> = new Map();
  readonly #open: Set<Answer> = new Set();
  #onEmpty: (() => void) | undefined;

  constructor(host: AnswersHost) {
    this.#host = host;
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * Sends a reply.
   * @param until the caller's deadline, after which nobody waits, on the clock's `now()`.
   * @param onTold called once the broker has it for its caller, or when nobody can be told.
   * @returns a promise that resolves then, or when the broker has said that the reply queue is not there now: who leaves need not
   * wait longer.
   */
  async reply(replyQueue: string, body: Buffer, until: number | undefined, onTold: () => void): Promise<void> {
    const { clock, replyRetryMs, terms, newId, route } = this.#host;
    const now = clock.now();
    if (this.#isDead(replyQueue, now)) {
      this.#host.undelivered(replyQueue);
      queueMicrotask(onTold);
      return;
    }
    await new Promise<void>((onTried) => {
      const outgoing = new Outgoing(route(replyQueue, true), body, { id: newId(), application: NO_HEADERS }, terms);
      const giveUpAt = Math.min(now + replyRetryMs, until ?? Number.POSITIVE_INFINITY);
      const answer = new Answer(outgoing, giveUpAt, this.#host, {
        ended: (wasTaken) => {
          this.#open.delete(answer);
          if (!wasTaken) {
            this.#bury(replyQueue);
            this.#host.undelivered(replyQueue);
          }
          onTold();
          onTried();
          if (this.#open.size === 0) this.#tellEmpty();
        },
        returned: onTried,
      });
      this.#open.add(answer);
      answer.start();
    });
  }

  /** A beat is of use now or never: nobody hears what became of it. */
  beat(replyQueue: string, body: Buffer): void {
    const { channels, terms, newId, route } = this.#host;
    if (this.#isDead(replyQueue, this.#host.clock.now())) return;
    const outgoing = new Outgoing(route(replyQueue, false), body, { id: newId(), application: NO_HEADERS }, terms);
    channels.of(outgoing.route, "replies").push(new Beat(outgoing));
  }

  /** Resolves when every reply is with the broker, or given up; the connection is not waited for. */
  flushed(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Nobody is told any more. */
  close(): void {
    for (const answer of [...this.#open]) answer.abandon();
    this.#tellEmpty();
  }

  #tellEmpty(): void {
    const onEmpty = this.#onEmpty;
    this.#onEmpty = undefined;
    onEmpty?.();
  }

  #isDead(queue: string, now: number): boolean {
    const until = this.#dead.get(queue);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#dead.delete(queue);
    return false;
  }

  #bury(queue: string): void {
    const [oldest] = this.#dead.size >= REMEMBERED_DEAD ? this.#dead.keys() : [];
    if (oldest !== undefined) this.#dead.delete(oldest);
    this.#dead.set(queue, this.#host.clock.now() + DEAD_MS);
  }
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

interface AnswerOwner {
  /** Its queue is not there; it is tried again. */
  returned(): void;
  ended(wasTaken: boolean): void;
}

/** One reply on its way. It goes again under its own id where the connection was lost: the caller takes the first. */
class Answer implements Publication {
  readonly #outgoing: Outgoing;
  readonly #giveUpAt: number;
  readonly #host: AnswersHost;
  readonly #owner: AnswerOwner;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(outgoing: Outgoing, giveUpAt: number, host: AnswersHost, owner: AnswerOwner) {
    this.#outgoing = outgoing;
    this.#giveUpAt = giveUpAt;
    this.#host = host;
    this.#owner = owner;
  }

  get route(): Route {
    return this.#outgoing.route;
  }

  get id(): string {
    return this.#outgoing.id;
  }

  get body(): Buffer {
    return this.#outgoing.body;
  }

  properties(): Options.Publish {
    return this.#outgoing.properties();
  }

  start(): void {
    if (!this.#isOver) this.#host.channels.of(this.route, "replies").push(this);
  }

  confirmed(): void {
    this.#end(true);
  }

  returned(): void {
    this.#owner.returned();
    this.#again();
  }

  refused(): void {
    this.#again();
  }

  failed(_error: MessagingError): void {
    this.#end(false);
  }

  doubtful(_error: MessagingError): void {
    if (this.#host.clock.now() < this.#giveUpAt) this.start();
    else this.#end(false);
  }

  abandon(): void {
    this.#end(false);
  }

  #again(): void {
    const { clock } = this.#host;
    if (this.#isOver) return;
    if (clock.now() + RETRY_MS >= this.#giveUpAt) {
      this.#end(false);
      return;
    }
    this.#timer = clock.setTimer(() => this.start(), RETRY_MS, { background: true });
  }

  #end(wasTaken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#owner.ended(wasTaken);
  }
}

/** Published and forgotten. */
class Beat implements Publication {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #outgoing: Outgoing;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
    this.route = outgoing.route;
    this.id = outgoing.id;
    this.body = outgoing.body;
  }

  properties(): Options.Publish {
    return this.#outgoing.properties();
  }

  confirmed(): void {}
  returned(): void {}
  refused(): void {}
  failed(): void {}
  doubtful(): void {}
}
