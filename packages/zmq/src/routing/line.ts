// Long because a line is one queue: whom it may send to, what waits and how it leaves, what comes back, what is given up.
import { ClosedError, type MessagingError, OverloadedError, type WaitState } from "@trunkline/core/driver";
import type { RemoteListener } from "../link/remote-listener.js";
import type { Tick } from "../link/tick.js";
import type { TopicKey } from "../matchmaker/matchmaker.js";
import type { Outgoing } from "./outgoing.js";

/** A choice of listener holds for so many messages of one tick, so that batches stay whole and nobody is flooded. */
const KEPT_MESSAGES = 32;
/** Tombstones at the front are swept out when there are so many. */
const COMPACT_AT = 1_024;

export interface LineBounds {
  /** How many messages may wait. As many again are slowed to their deadline; what comes beyond is refused at once (B13). */
  readonly messages: number;
  readonly bytes: number;
}

export interface LineHost {
  readonly tick: Tick;
  readonly bounds: LineBounds;
  random(): number;
}

/** The topic and, where it is meant for one, the server. */
export interface LinePlace {
  readonly key: TopicKey;
  readonly server: string | undefined;
}

/** Who finds listeners for a line that has none. */
export interface LineKeeper {
  /** Messages wait and no member can be sent to. Called again with each new message. */
  starved(line: Line): void;
  /** What stands between the line and a member. */
  obstacle(line: Line): WaitState;
}

/**
 * The listeners that one kind of message may go to, and the messages that wait for one of them: to a topic, to one server of it,
 * to a pool, or, of a fanout, to exactly one listener. First come, first served (B11).
 */
export class Line {
  /** For people: who is meant. */
  readonly name: string;
  readonly members: RemoteListener[] = [];
  /** How many wait. */
  size = 0;
  /** When a message was last given to it. */
  lastUsedAt = 0;
  /** Nobody uses it any more: who remembers it looks for its successor. */
  isRetired = false;
  /** Whose line it is, so that a message which comes back after it was retired finds the line that took its place. */
  place: LinePlace | undefined = undefined;
  /** Members are still being gathered, and the first that is found is not to be flooded (A2). */
  isGathering = false;
  /** For the next message. */
  nextOrder = 1;
  /** For messages that come back after they were accepted: before all others, behind those that came back earlier. */
  nextBackOrder: number = Number.MIN_SAFE_INTEGER;
  /** Who waits for what may come back and goes before all that waits here. */
  #holds = 0;
  readonly #host: LineHost;
  readonly #keeper: LineKeeper;
  #waiting: (Outgoing | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #chosen: RemoteListener | undefined;
  #chosenEpoch = -1;
  #chosenLeft = 0;
  #isClosed = false;

  constructor(name: string, host: LineHost, keeper: LineKeeper) {
    this.name = name;
    this.#host = host;
    this.#keeper = keeper;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many places are held for those that wait, those of messages that gave up included. */
  get places(): number {
    return this.#waiting.length - this.#head;
  }

  /**
   * The member for the next message, by two choices: of two at random the one with less under way. Undefined where none has
   * credit, or where others wait already.
   */
  choose(): RemoteListener | undefined {
    if (this.size > 0) return undefined;
    const { members } = this;
    if (this.isGathering || this.#holds > 0) return undefined;
    if (members.length === 1) {
      const only = members[0];
      return only?.canSend === true ? only : undefined;
    }
    const { epoch } = this.#host.tick;
    if (this.#chosenLeft > 0 && this.#chosenEpoch === epoch && this.#chosen?.canSend === true) {
      this.#chosenLeft--;
      return this.#chosen;
    }
    const chosen = this.#chooseAnew();
    this.#chosen = chosen;
    this.#chosenEpoch = epoch;
    this.#chosenLeft = KEPT_MESSAGES - 1;
    return chosen;
  }

  #chooseAnew(): RemoteListener | undefined {
    const { members } = this;
    const count = members.length;
    if (count === 0) return undefined;
    const first = Math.floor(this.#host.random() * count);
    const second = (first + 1 + Math.floor(this.#host.random() * (count - 1))) % count;
    const one = members[first];
    const other = members[second];
    if (one?.canSend === true && other?.canSend === true) return other.inFlight < one.inFlight ? other : one;
    for (let step = 0; step < count; step++) {
      const member = members[(first + step) % count];
      if (member?.canSend === true) return member;
    }
    return undefined;
  }

  /** Sends a message that has its body to the member of choice, or lets it wait. What is wrong with it, it hears. */
  post(message: Outgoing): void {
    try {
      const listener = this.choose();
      if (listener === undefined) this.wait(message);
      else message.write(listener);
    } catch (error) {
      // Thrown by `wait` or by `write`, which throw messaging errors alone.
      message.fail(error as MessagingError);
    }
  }

  /**
   * Puts a message that has its body at the end.
   * @throws OverloadedError: the line and its overflow are full.
   */
  wait(message: Outgoing): void {
    const { messages, bytes } = this.#host.bounds;
    const length = message.body?.length ?? 0;
    if (this.size >= 2 * messages || (this.size > 0 && this.#bytes + length > 2 * bytes)) {
      throw new OverloadedError(
        `${this.size} messages wait for ${this.name} already, which is all that this sender keeps; add servers, or send slower`,
      );
    }
    message.state = "waiting";
    message.line = this;
    message.waitingSince = this.#host.tick.now();
    this.#waiting.push(message);
    this.#bytes += length;
    this.size++;
    this.lastUsedAt = message.waitingSince;
    this.#tellWaiting();
  }

  /** Puts messages back to where they were in the line. They are never refused: they were taken once. */
  putBack(messages: readonly Outgoing[]): void {
    if (messages.length === 0) return;
    if (this.#isClosed) {
      for (const message of messages) message.fail(closedError());
      return;
    }
    const now = this.#host.tick.now();
    for (const message of messages) {
      message.state = "waiting";
      message.line = this;
      message.listener = undefined;
      message.waitingSince = now;
      this.#bytes += message.body?.length ?? 0;
      this.#insert(message);
    }
    this.size += messages.length;
    this.lastUsedAt = now;
    this.pump();
    if (this.size > 0) this.#tellWaiting();
  }

  /** Near the front, where what comes back belongs. */
  #insert(message: Outgoing): void {
    let at = this.#head;
    while (at < this.#waiting.length && (this.#waiting[at]?.order ?? Number.NEGATIVE_INFINITY) < message.order) at++;
    this.#waiting.splice(at, 0, message);
  }

  /** The message waits no more. Returns what was in its way. */
  remove(message: Outgoing): WaitState {
    const at = this.#waiting.indexOf(message, this.#head);
    if (at >= 0) {
      this.#waiting[at] = undefined;
      this.#forget(message);
      this.#trim();
      // One that waits long at the front would keep the places of all that gave up behind it.
      if (this.places > 2 * this.size + COMPACT_AT) this.#compact();
      this.tellWants();
    }
    return this.members.length > 0 && !this.isGathering ? "no-credit" : this.#keeper.obstacle(this);
  }

  /** Sends what waits to whoever has credit. */
  pump(): void {
    if (this.size === 0 || this.isGathering || this.#holds > 0) return;
    while (this.size > 0) {
      const listener = this.members.length === 1 ? this.members[0] : this.#chooseAnew();
      if (listener === undefined || !listener.canSend) break;
      for (let left = KEPT_MESSAGES; left > 0 && this.size > 0 && listener.canSend; left--) this.sendNext(listener);
    }
    this.tellWants();
  }

  /** Says to each member how many wait, if that is news: one that believes in more keeps credit from others. */
  tellWants(): void {
    for (const member of this.members) member.link.tellWant(member);
  }

  /** Nothing is sent until each hold is let go. */
  hold(): void {
    this.#holds++;
  }

  letGo(): void {
    this.#holds--;
    this.pump();
    if (this.size > 0) this.#tellWaiting();
  }

  /** Whether something waits and may be sent. */
  get isPressing(): boolean {
    return this.size > 0 && this.#holds === 0 && !this.isGathering;
  }

  /** Sends the message that has waited longest. */
  sendNext(listener: RemoteListener): void {
    const message = this.#take();
    if (message === undefined) return;
    try {
      message.write(listener);
    } catch (error) {
      // The only way: the other side takes less than this one does.
      message.fail(error as MessagingError);
    }
  }

  join(listener: RemoteListener): void {
    this.members.push(listener);
    listener.lines.push(this);
    this.pump();
  }

  leave(listener: RemoteListener): void {
    const at = this.members.indexOf(listener);
    if (at < 0) return;
    this.members.splice(at, 1);
    if (this.#chosen === listener) this.#chosen = undefined;
    if (this.size > 0) this.#tellWaiting();
  }

  /** Fails those that have waited at least so long. */
  failOlder(than: number, toError: () => MessagingError): void {
    for (let at = this.#head; at < this.#waiting.length; at++) {
      const message = this.#waiting[at];
      // One that came back a moment ago may stand before those that have waited longer.
      if (message === undefined || message.waitingSince > than) continue;
      this.#waiting[at] = undefined;
      this.#forget(message);
      message.fail(toError());
    }
    this.#trim();
    this.tellWants();
  }

  /** When the one at the front began to wait; undefined where none does. */
  get oldest(): number | undefined {
    for (let at = this.#head; at < this.#waiting.length; at++) {
      const message = this.#waiting[at];
      if (message !== undefined) return message.waitingSince;
    }
    return undefined;
  }

  /** Takes out all that waits. */
  takeAll(): Outgoing[] {
    const all: Outgoing[] = [];
    for (const message of this.#waiting.slice(this.#head)) if (message !== undefined) all.push(message);
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
    this.size = 0;
    return all;
  }

  close(): void {
    this.isRetired = true;
    this.#isClosed = true;
    for (const message of this.takeAll()) message.fail(closedError());
  }

  #tellWaiting(): void {
    this.tellWants();
    if (this.members.length === 0 || this.isGathering) this.#keeper.starved(this);
  }

  #take(): Outgoing | undefined {
    while (this.#head < this.#waiting.length) {
      const message = this.#waiting[this.#head];
      this.#waiting[this.#head] = undefined;
      this.#head++;
      if (message === undefined) continue;
      this.#forget(message);
      this.#trim();
      return message;
    }
    return undefined;
  }

  #compact(): void {
    this.#waiting = this.#waiting.filter((message) => message !== undefined);
    this.#head = 0;
  }

  #forget(message: Outgoing): void {
    this.size--;
    this.#bytes -= message.body?.length ?? 0;
  }

  #trim(): void {
    while (this.#head < this.#waiting.length && this.#waiting[this.#head] === undefined) this.#head++;
    if (this.size === 0) {
      this.#waiting = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }
}

function closedError(): ClosedError {
  return new ClosedError("the transport was closed before the message was sent");
}
