import { AuthError, type Clock, type MessagingError, type Timer } from "@trunkline/core/driver";
import type { Options } from "amqplib";
import type { Publication } from "../sending/publication.js";
import type { SendChannels } from "../sending/send-channels.js";
import type { Route } from "../topology/declarations.js";
import { GATHERED_BYTES } from "../wire/packed/reply.js";
import type { Message, Wire } from "../wire/wire.js";

/** For how long a reply queue that was not there is not tried again, and how many of them are remembered. */
const DEAD_MS = 60_000;
const REMEMBERED_DEAD = 200;
/** A queue that is just being made again is there soon. */
const RETRY_MS = 250;
/** What the array of a message of replies takes beside them. */
const HEAD_BYTES = 4;
/** Replies beyond this go in another message. */
const TOGETHER_BYTES = GATHERED_BYTES - HEAD_BYTES;

export interface AnswersHost {
  readonly clock: Clock;
  readonly channels: SendChannels;
  readonly wire: Pick<Wire, "replies" | "repliesTogether">;
  /** For how long a reply is offered to a reply queue that is not there. */
  readonly replyRetryMs: number;
  route(replyQueue: string, isMandatory: boolean): Route;
  /** Replies that reached nobody. */
  undelivered(replyQueue: string): void;
}

/** One reply, and who wants to know what became of it. */
interface Part {
  readonly body: Buffer;
  readonly until: number | undefined;
  onTold(): void;
  onTried(): void;
}

/** Replies to one queue that go together. */
interface Group {
  readonly queue: string;
  readonly parts: Part[];
  bytes: number;
}

/**
 * What servers send to reply queues. A queue that has vanished holds up no other, and no handler. What one turn of the event loop has
 * for one queue goes as one message, as far as the wire has such a thing.
 */
export class Answers {
  readonly #host: AnswersHost;
  /** Until when a queue counts as gone. */
  readonly #dead: Map<string, number> = new Map();
  readonly #open: Set<Answer> = new Set();
  /** Of this turn. */
  readonly #gathered: Map<string, Group> = new Map();
  #onEmpty: (() => void) | undefined;

  constructor(host: AnswersHost) {
    this.#host = host;
  }

  /** Messages of replies that the broker has not confirmed. */
  get count(): number {
    return this.#open.size + this.#gathered.size;
  }

  /**
   * Sends a reply.
   * @param until the caller's deadline, after which nobody waits, on the clock's `now()`.
   * @param onTold called once the broker has it for its caller, or when nobody can be told.
   * @returns a promise that resolves then, or when the broker has said that the reply queue is not there now: who leaves need not
   * wait longer.
   */
  async reply(replyQueue: string, body: Buffer, until: number | undefined, onTold: () => void): Promise<void> {
    await new Promise<void>((onTried) => this.#gather(replyQueue, { body, until, onTold, onTried }));
  }

  /** A beat is of use now or never: nobody hears what became of it. */
  beat(replyQueue: string, body: Buffer): void {
    const { channels, wire, route, clock } = this.#host;
    if (this.#isDead(replyQueue, clock.now())) return;
    const message = wire.replies(route(replyQueue, false), [body]);
    channels.of(message.route, "replies").push(new Beat(message));
  }

  /** Resolves when every reply is with the broker, or given up; the connection is not waited for. */
  flushed(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Nobody is told any more. */
  close(): void {
    for (const group of [...this.#gathered.values()]) this.#send(group);
    for (const answer of [...this.#open]) answer.abandon();
    this.#tellEmpty();
  }

  #gather(queue: string, part: Part): void {
    let group = this.#gathered.get(queue);
    const most = this.#host.wire.repliesTogether;
    if (group !== undefined && (group.parts.length >= most || group.bytes + part.body.length > TOGETHER_BYTES)) {
      this.#send(group);
      group = undefined;
    }
    if (group === undefined) {
      const begun: Group = { queue, parts: [], bytes: 0 };
      group = begun;
      this.#gathered.set(queue, begun);
      // Handlers that settle in this turn do so in its microtasks; what is due next runs when these are done.
      process.nextTick(() => this.#send(begun));
    }
    group.parts.push(part);
    group.bytes += part.body.length;
    if (most === 1) this.#send(group);
  }

  #send(group: Group): void {
    const { queue, parts } = group;
    if (this.#gathered.get(queue) !== group) return;
    this.#gathered.delete(queue);
    const { clock, replyRetryMs, wire, route } = this.#host;
    const now = clock.now();
    const answer = new Answer(
      wire.replies(
        route(queue, true),
        parts.map(({ body }) => body),
      ),
      Math.min(now + replyRetryMs, lastOf(parts)),
      this.#host,
      {
        returned: () => {
          for (const { onTried } of parts) onTried();
        },
        ended: (fate) => this.#ended(answer, group, fate),
      },
    );
    this.#open.add(answer);
    if (this.#isDead(queue, now)) answer.abandon();
    else answer.start();
  }

  #ended(answer: Answer, { queue, parts }: Group, fate: Fate): void {
    this.#open.delete(answer);
    if (fate === "gone") this.#bury(queue);
    for (const { onTold, onTried } of parts) {
      if (fate !== "taken") this.#host.undelivered(queue);
      onTold();
      onTried();
    }
    if (this.count === 0) this.#tellEmpty();
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

/** The latest of the deadlines; without end where one has none. */
function lastOf(parts: readonly Part[]): number {
  return Math.max(...parts.map(({ until }) => until ?? Number.POSITIVE_INFINITY));
}

/** `gone`: the broker has said, as late as it was asked, that there is no such queue. */
type Fate = "taken" | "gone" | "given-up";

interface AnswerOwner {
  /** Its queue is not there; it is tried again. */
  returned(): void;
  ended(fate: Fate): void;
}

/** One reply on its way. It goes again under its own id where the connection was lost: the caller takes the first. */
class Answer implements Publication {
  readonly #message: Message;
  readonly #giveUpAt: number;
  readonly #host: AnswersHost;
  readonly #owner: AnswerOwner;
  #timer: Timer | undefined;
  #isOver = false;
  #wasReturned = false;

  constructor(message: Message, giveUpAt: number, host: AnswersHost, owner: AnswerOwner) {
    this.#message = message;
    this.#giveUpAt = giveUpAt;
    this.#host = host;
    this.#owner = owner;
  }

  get route(): Route {
    return this.#message.route;
  }

  get id(): string {
    return this.#message.id;
  }

  get body(): Buffer {
    return this.#message.body;
  }

  properties(): Options.Publish {
    return this.#message.properties();
  }

  start(): void {
    if (!this.#isOver) this.#host.channels.of(this.route, "replies").push(this);
  }

  confirmed(): void {
    this.#end("taken");
  }

  returned(): void {
    this.#wasReturned = true;
    this.#owner.returned();
    this.#again();
  }

  refused(): void {
    this.#wasReturned = false;
    this.#again();
  }

  failed(error: MessagingError): void {
    // Credentials that are refused now may be put right while its caller waits.
    if (error instanceof AuthError) this.#again();
    else this.#end("given-up");
  }

  doubtful(_error: MessagingError): void {
    if (this.#host.clock.now() < this.#giveUpAt) this.start();
    else this.#end("given-up");
  }

  abandon(): void {
    this.#end("given-up");
  }

  #again(): void {
    const { clock } = this.#host;
    if (this.#isOver) return;
    if (clock.now() + RETRY_MS >= this.#giveUpAt) {
      this.#end(this.#wasReturned ? "gone" : "given-up");
      return;
    }
    this.#timer = clock.setTimer(() => this.start(), RETRY_MS, { background: true });
  }

  #end(fate: Fate): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#owner.ended(fate);
  }
}

/** Published and forgotten. */
class Beat implements Publication {
  readonly route: Route;
  readonly id: string;
  readonly body: Buffer;
  readonly #message: Message;

  constructor(message: Message) {
    this.#message = message;
    this.route = message.route;
    this.id = message.id;
    this.body = message.body;
  }

  properties(): Options.Publish {
    return this.#message.properties();
  }

  confirmed(): void {}
  returned(): void {}
  refused(): void {}
  failed(): void {}
  doubtful(): void {}
}
