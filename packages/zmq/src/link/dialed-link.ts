// Long because a session's dialing half is one state machine: what it sends, what answers it, and how it ends.
import {
  type CancelReason,
  ConnectionLostError,
  type Failure,
  MalformedError,
  ReceivedShapes,
  type Request,
  SentShapes,
  type Value,
  ValueReader,
} from "@trunkline/core/driver";
import type { Engine, EngineLink, LinkEnd, LinkHandler } from "../engine/engine.js";
import type { MethodKey } from "../routing/method-key.js";
import type { Outgoing, OutgoingCall, OutgoingCast, OutgoingEvent, OutgoingSend } from "../routing/outgoing.js";
import { bodyFlags, copyEventBody, copyRequestBody, writeRequestBody } from "../wire/bodies.js";
import {
  FEATURE_SHAPES,
  PROTOCOL_VERSION,
  type Refusal,
  readAnswer,
  readRefuse,
  SHAPES_SLACK_BYTES,
  writeHello,
} from "../wire/greeting.js";
import { BYE, PING, REFUSE } from "../wire/record-types.js";
import {
  MAX_ROUTES,
  writeCall,
  writeCancel,
  writeCast,
  writeEvent,
  writeGaveUp,
  writeNoted,
  writeReturn,
  writeRoute,
  writeWant,
} from "../wire/requests.js";
import { type Advert, type CastNames, type EventNames, type ResponseSink, readResponses } from "../wire/responses.js";
import { soleFrame } from "./greeting-frames.js";
import { Outbox, type OutboxOwner } from "./outbox.js";
import { PendingSends } from "./pending-sends.js";
import { RemoteListener } from "./remote-listener.js";
import { salvage } from "./salvage.js";
import { SlotTable } from "./slots.js";
import type { Tick } from "./tick.js";

/** A peer that advertises more than this at a time is out of its mind. */
const MAX_LISTENERS = 65_536;
/** No more than so many waiting messages are announced to one listener: its answer comes before they are sent. */
const MAX_WANT = 256;
const LAST_WORDS_MS = 200;

/** How a session ended, in words for people; `refusal` where the other side said why. */
export interface SessionEnd extends LinkEnd {
  readonly refusal: Refusal | undefined;
  /** True after both sides agreed to part: nothing was lost. */
  readonly isOrderly: boolean;
}

/** What a session needs of the process that dials. Its methods are called synchronously, and must not end the link. */
export interface LinkOwner {
  readonly tick: Tick;
  readonly realm: string;
  readonly name: string;
  readonly maxMessageBytes: number;
  newSession(): Uint8Array;
  joined(listener: RemoteListener): void;
  left(listener: RemoteListener): void;
  /** These were certainly not dispatched, and wait for another listener; in the order sent. */
  unsent(messages: readonly Outgoing[]): void;
  /** The other side gives back what it never dispatched. `sent`: what this process still held of it. */
  callBack(call: OutgoingCall): void;
  castBack(sent: OutgoingSend | undefined, names: CastNames, flags: number, body: Uint8Array): void;
  eventBack(sent: OutgoingSend | undefined, names: EventNames, flags: number, body: Uint8Array): void;
  requeued(names: EventNames, flags: number, body: Uint8Array, delayMs: number): void;
  castsLost(count: number, peer: string): void;
  dropped(reason: string, peer: string): void;
}

/** Who keeps the link. */
export interface LinkKeeper {
  /** WELCOME and its adverts have come. */
  ready(link: DialedLink): void;
  ended(link: DialedLink, end: SessionEnd): void;
}

/** `dialling`: not connected. `greeting`: HELLO is out. `welcomed`: its adverts are coming. */
type State = "dialling" | "greeting" | "welcomed" | "ready" | "ended";

/** The dialer's half of a session: requests go out; adverts, marks and answers come in. */
export class DialedLink implements LinkHandler, ResponseSink, OutboxOwner {
  readonly outbox: Outbox;
  readonly address: string;
  /** The run of the process that is meant; empty for whichever answers. Then the one that answered. */
  incarnation: string;
  /** Who answered, as it calls itself. */
  peerName: string;
  /** When a message last went out, on the host's clock. */
  lastSentAt: number;
  /** What the other side announced; undefined where it is to announce nothing. */
  shapes: ReceivedShapes | undefined = undefined;
  readonly #owner: LinkOwner;
  readonly #keeper: LinkKeeper;
  readonly #session: Uint8Array;
  readonly #reader: ValueReader = new ValueReader();
  readonly #calls: SlotTable<OutgoingCall> = new SlotTable();
  readonly #sends: PendingSends = new PendingSends();
  readonly #listeners: Map<number, RemoteListener> = new Map();
  readonly #routes: ({ readonly key: MethodKey; readonly listener: RemoteListener } | undefined)[] = [];
  readonly #confirmations: ((isOpen: boolean) => void)[] = [];
  #engineLink: EngineLink | undefined;
  #state: State = "dialling";
  #nextRoute = 1;
  #advertsAwaited = 0;
  #adverts = 0;
  #noted = 0;
  #handled = 0;
  /** How many casts and events came back: each does so once at most. */
  #givenBack = 0;
  #wantDue: RemoteListener[] = [];
  #refusal: Refusal | undefined;
  #isOrderly = false;
  /** This side said goodbye. */
  #isLeaving = false;
  #brokenRule: string | undefined;
  #resolveGone: () => void = () => {};
  /** Resolves when the engine has let go of it. */
  readonly gone: Promise<void>;

  constructor(owner: LinkOwner, keeper: LinkKeeper, address: string, incarnation: string) {
    this.address = address;
    this.incarnation = incarnation;
    this.peerName = address;
    this.#owner = owner;
    this.#keeper = keeper;
    this.#session = owner.newSession();
    this.lastSentAt = owner.tick.now();
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.outbox = new Outbox(owner.tick, this, owner.maxMessageBytes);
  }

  get isOpen(): boolean {
    return this.#state !== "ended";
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** Whether a message may be written now. */
  get canSend(): boolean {
    return this.#state === "ready" && !this.#isLeaving && !this.outbox.isChoked;
  }

  /** Whether nothing is under way: the link may be closed and nobody would notice. */
  get isIdle(): boolean {
    if (this.#calls.size > 0 || this.#sends.size > 0 || this.#confirmations.length > 0) return false;
    if (this.#sends.acceptedCount > this.#handled) return false;
    for (const listener of this.#listeners.values()) if (listener.waiting > 0) return false;
    return true;
  }

  /** Whether casts or events are under way that may come back. */
  get mayGiveBack(): boolean {
    return this.isReady && (this.#sends.size > 0 || this.#sends.acceptedCount > this.#handled);
  }

  /** When a line that may send here was last used. */
  get lastWantedAt(): number {
    let last = 0;
    for (const listener of this.#listeners.values())
      for (const line of listener.lines) last = Math.max(last, line.lastUsedAt);
    return last;
  }

  get listeners(): Iterable<RemoteListener> {
    return this.#listeners.values();
  }

  /** @param address where it really goes, which a proxy between may have changed. */
  dial(engine: Engine, address: string): void {
    this.#engineLink = engine.dial(address, this);
    this.outbox.connect(this.#engineLink);
  }

  stats(): Readonly<Record<string, string | number | boolean>> {
    return {
      direction: "dialled",
      peer: this.peerName,
      address: this.address,
      state: this.#state,
      listeners: this.#listeners.size,
      callsInFlight: this.#calls.size,
      sendsInFlight: this.#sends.size,
      castsAccepted: this.#sends.acceptedCount,
      castsHandled: this.#handled,
      framesSent: this.outbox.framesSent,
      bytesSent: this.outbox.bytesSent,
      isChoked: this.outbox.isChoked,
    };
  }

  // ---- Sending

  /**
   * @param request written where it is given; else the body that the call holds.
   * @throws SerializationError, NotSupportedError, MessageTooLargeError: nothing was written.
   */
  sendCall(listener: RemoteListener, call: OutgoingCall, request: Request | undefined): void {
    const route = this.#routeTo(listener, call.key);
    const slot = this.#calls.take(call);
    const generation = this.#calls.generation(slot);
    const left = Math.ceil(call.until - this.#owner.tick.now());
    const writer = this.outbox.beginShaped();
    try {
      const flags = request === undefined ? call.flags : bodyFlags(request);
      writeCall(writer, flags, slot, generation, route, Math.max(0, left), call.monitorMs);
      this.outbox.beginBody();
      if (request !== undefined) writeRequestBody(writer, request, flags);
      else if (call.body !== undefined) writer.raw(call.body);
      this.outbox.commit(true);
    } catch (error) {
      this.outbox.rollback();
      this.#calls.release(slot);
      throw error;
    }
    call.slot = slot;
    call.generation = generation;
    call.body = undefined;
    this.#sent(listener, call);
  }

  /** As {@link sendCall}. */
  sendCast(listener: RemoteListener, cast: OutgoingCast, request: Request | undefined): void {
    const route = this.#routeTo(listener, cast.key);
    const writer = this.outbox.beginShaped();
    try {
      const flags = request === undefined ? cast.flags : bodyFlags(request);
      writeCast(writer, flags, route);
      this.outbox.beginBody();
      if (request !== undefined) writeRequestBody(writer, request, flags);
      else if (cast.body !== undefined) writer.raw(cast.body);
      this.outbox.commit(true);
    } catch (error) {
      this.outbox.rollback();
      throw error;
    }
    cast.body = undefined;
    this.#sent(listener, cast);
    this.#sends.push(cast);
  }

  /** @throws MessageTooLargeError: nothing was written. */
  sendEvent(listener: RemoteListener, event: OutgoingEvent): void {
    const writer = this.outbox.begin();
    writeEvent(writer, event.flags, listener.id, event.attempt, event.priority);
    this.outbox.beginBody();
    if (event.body !== undefined) writer.raw(event.body);
    this.outbox.commit(true);
    event.body = undefined;
    this.#sent(listener, event);
    this.#sends.push(event);
  }

  /** Nobody waits for the call any more: its slot is free, and the server is told. */
  cancelCall(call: OutgoingCall, reason: CancelReason): void {
    if (this.#calls.find(call.slot, call.generation) !== call) return;
    this.#release(call);
    if (!this.isReady) return;
    writeCancel(this.outbox.begin(), call.slot, call.generation, reason);
    this.outbox.commit();
  }

  /** Says, when the tick ends, how many messages wait for the listener's credit, if that is news. */
  tellWant(listener: RemoteListener): void {
    if (listener.isWantDue || listener.isGoing || !this.isReady) return;
    if (listener.wantTold === 0 && listener.waiting === 0) return;
    listener.isWantDue = true;
    this.#wantDue.push(listener);
    this.outbox.schedule();
  }

  /** Calls back when all that the other side had to say until it heard this has been heard. */
  confirm(onAnswer: (isOpen: boolean) => void): void {
    if (!this.isReady) return onAnswer(false);
    this.#confirmations.push(onAnswer);
    this.outbox.begin().u8(PING);
    this.outbox.commit();
  }

  /** Shows the other side that this one lives. */
  ping(): void {
    this.confirm(() => {});
  }

  /** Sends what is written, says goodbye, and ends. */
  leave(lingerMs: number = LAST_WORDS_MS): void {
    if (this.#state === "ended") return;
    this.#isOrderly = this.isIdle;
    this.#isLeaving = true;
    // The other side reads nothing behind BYE: what comes until the link has ended goes elsewhere.
    for (const listener of this.#listeners.values()) this.#removeListener(listener);
    if (this.isReady) {
      // What is due goes first: the other side reads nothing after BYE, and would count what was handled as lost.
      this.beforeFlush();
      this.outbox.begin().u8(BYE);
      this.outbox.commit();
      this.outbox.flush();
    }
    this.#engineLink?.close(lingerMs);
  }

  /** Ends at once. */
  cut(detail: string): void {
    this.#engineLink?.cut(detail);
  }

  beforeFlush(): void {
    if (this.#state !== "ready") return;
    this.lastSentAt = this.#owner.tick.now();
    if (this.#noted !== this.#adverts) {
      this.#noted = this.#adverts;
      writeNoted(this.outbox.begin(), this.#adverts);
      this.outbox.commit();
    }
    if (this.#wantDue.length > 0) this.#writeWants();
  }

  // ---- The engine's side

  onOpen(): void {
    const owner = this.#owner;
    this.#state = "greeting";
    this.#engineLink?.send(
      soleFrame((writer) =>
        writeHello(writer, {
          lowestVersion: PROTOCOL_VERSION,
          highestVersion: PROTOCOL_VERSION,
          features: FEATURE_SHAPES,
          maxMessageBytes: owner.maxMessageBytes,
          session: this.#session,
          realm: owner.realm,
          incarnation: this.incarnation,
          name: owner.name,
        }),
      ),
    );
  }

  onFrame(frame: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#reader.reset(frame);
    try {
      if (this.#state === "greeting") this.#answered();
      else if (frame[0] === REFUSE) this.#refused(readRefuse(this.#reader));
      else readResponses(this.#reader, this);
    } catch (error) {
      // Whatever else is thrown ends this link too, and leaves none that is silently deaf (E5).
      this.#brokenRule = `the peer broke the protocol: ${error instanceof Error ? error.message : String(error)}`;
      this.#owner.dropped(this.#brokenRule, this.peerName);
      this.#engineLink?.cut(this.#brokenRule);
    }
  }

  onWritable(): void {
    if (!this.outbox.drain()) return;
    for (const listener of this.#listeners.values()) for (const line of listener.lines) line.pump();
  }

  onEnd(end: LinkEnd): void {
    this.#end(end);
    this.#resolveGone();
  }

  #end(end: LinkEnd): void {
    if (this.#state === "ended") return;
    const wasReady = this.#state === "ready" || this.#state === "welcomed";
    this.#state = "ended";
    for (const listener of this.#listeners.values()) {
      this.#removeListener(listener);
      listener.routes.clear();
    }
    // Whoever remembers the last route that was taken holds this link, and is not to hold all of its routes.
    this.#routes.length = 0;
    const handedOver = this.outbox.handedOver;
    const unsent = salvage(this.outbox.takeUnsent(), handedOver, this.#calls, this.#sends, this.outbox.shapes);
    this.#loseSent(end, handedOver);
    for (const confirm of this.#confirmations.splice(0)) confirm(false);
    const detail = this.#brokenRule ?? end.detail;
    const reason = !wasReady && end.reason === "lost" ? "handshake" : end.reason;
    this.#keeper.ended(this, { ...end, reason, detail, refusal: this.#refusal, isOrderly: this.#isOrderly });
    this.#owner.unsent(unsent);
  }

  // ---- Records of the listener

  shape(keys: readonly string[]): void {
    if (this.shapes === undefined) throw new MalformedError("a shape, and none were agreed on", this.#reader.position);
    this.shapes.add(keys, this.#reader.position);
  }

  advert(advert: Advert, credit: number): void {
    this.#adverts++;
    if (this.#listeners.size >= MAX_LISTENERS)
      throw new MalformedError("more listeners than any process has", this.#reader.position);
    if (this.#listeners.has(advert.listener))
      throw new MalformedError("a listener advertised twice", this.#reader.position);
    this.outbox.schedule();
    const listener = new RemoteListener(this, advert, credit);
    this.#listeners.set(advert.listener, listener);
    if (this.#isLeaving) listener.isGoing = true;
    else if (this.#state === "ready") this.#owner.joined(listener);
    else if (--this.#advertsAwaited === 0) this.#becomeReady();
  }

  goaway(id: number): void {
    this.#adverts++;
    const listener = this.#listeners.get(id);
    if (listener !== undefined) this.#removeListener(listener);
    writeGaveUp(this.outbox.begin(), id);
    this.outbox.commit();
    this.#listeners.delete(id);
    // Nothing more goes by its routes, and they would keep it in memory.
    for (const route of listener?.routes.values() ?? []) this.#routes[route] = undefined;
  }

  reply(slot: number, generation: number, value: Value): void {
    const call = this.#settleCall(slot, generation);
    call?.sink.end({ ok: true, value });
  }

  fail(slot: number, generation: number, failure: Failure): void {
    const call = this.#settleCall(slot, generation);
    call?.sink.end({ ok: false, failure });
  }

  beat(slot: number, generation: number): void {
    const call = this.#calls.find(slot, generation);
    if (call !== undefined) call.sink.beat();
    else this.#owner.dropped("a beat for a call that is over", this.peerName);
  }

  callBack(reader: ValueReader, flags: number, slot: number, generation: number): void {
    const body = copyRequestBody(reader, flags);
    const call = this.#calls.find(slot, generation);
    if (call === undefined) return this.#owner.dropped("a call given back that nobody waits for", this.peerName);
    this.#release(call);
    call.flags = flags;
    call.body = body;
    this.#owner.callBack(call);
  }

  castBack(reader: ValueReader, flags: number, sequence: number, names: CastNames): void {
    this.#countBack();
    this.#owner.castBack(this.#takeSend(sequence), names, flags, copyRequestBody(reader, flags));
  }

  eventBack(reader: ValueReader, flags: number, sequence: number, names: EventNames): void {
    this.#countBack();
    this.#owner.eventBack(this.#takeSend(sequence), names, flags, copyEventBody(reader, flags));
  }

  requeue(reader: ValueReader, flags: number, delayMs: number, names: EventNames): void {
    this.#countBack();
    this.#owner.requeued(names, flags, copyEventBody(reader, flags), delayMs);
  }

  accepted(sequence: number): void {
    if (sequence > this.outbox.sequence) throw new MalformedError("accepted more than was sent", this.#reader.position);
    this.#sends.accept(sequence);
  }

  handled(messages: number): void {
    if (messages < this.#handled) throw new MalformedError("handled fewer than before", this.#reader.position);
    this.#handled = messages;
  }

  credit(id: number, tokens: number): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return; // it has just gone
    listener.tokens += tokens;
    listener.wantTold = Math.max(0, listener.wantTold - tokens);
    this.#spend(listener);
  }

  reclaim(id: number, tokens: number): void {
    const listener = this.#listeners.get(id);
    const returned = Math.min(tokens, listener?.tokens ?? 0);
    if (listener !== undefined) listener.tokens -= returned;
    writeReturn(this.outbox.begin(), id, returned);
    this.outbox.commit();
  }

  pong(): void {
    this.#confirmations.shift()?.(true);
  }

  bye(): void {
    this.#isOrderly = true;
    this.#engineLink?.close(0);
    this.#end({ reason: "lost", detail: "the peer closed" });
  }

  // ---- Inside

  #answered(): void {
    const answer = readAnswer(this.#reader);
    if ("code" in answer) return this.#refused(answer);
    if (answer.version !== PROTOCOL_VERSION) throw new MalformedError(`version ${answer.version} was not offered`, 0);
    if (Buffer.compare(answer.session, this.#session) !== 0)
      throw new MalformedError("an answer to another session", 0);
    this.peerName = answer.name === "" ? this.address : answer.name;
    this.incarnation = answer.incarnation;
    this.outbox.maxMessageBytes = Math.min(this.#owner.maxMessageBytes, answer.maxMessageBytes);
    if ((answer.features & FEATURE_SHAPES) !== 0) {
      this.shapes = new ReceivedShapes(this.#owner.maxMessageBytes + SHAPES_SLACK_BYTES);
      this.outbox.shapes = new SentShapes();
    }
    this.#advertsAwaited = answer.listeners;
    this.#state = "welcomed";
    if (answer.listeners === 0) this.#becomeReady();
  }

  #refused(refusal: Refusal): void {
    this.#refusal = refusal;
    this.#isOrderly = refusal.code === "closing";
    this.#engineLink?.cut(`refused: ${refusal.text}`);
  }

  #becomeReady(): void {
    this.#state = "ready";
    this.outbox.schedule();
    for (const listener of this.#listeners.values()) this.#owner.joined(listener);
    this.#keeper.ready(this);
  }

  #sent(listener: RemoteListener, message: Outgoing): void {
    message.state = "sent";
    message.listener = listener;
    message.sequence = this.outbox.sequence;
    listener.tokens--;
    listener.inFlight++;
  }

  #settleCall(slot: number, generation: number): OutgoingCall | undefined {
    const call = this.#calls.find(slot, generation);
    if (call === undefined) {
      this.#owner.dropped("an answer that nobody waits for any more", this.peerName);
      return undefined;
    }
    this.#release(call);
    call.state = "settled";
    return call;
  }

  #release(call: OutgoingCall): void {
    this.#calls.release(call.slot);
    if (call.listener !== undefined) call.listener.inFlight--;
  }

  #countBack(): void {
    if (++this.#givenBack > this.outbox.sequence)
      throw new MalformedError("more given back than was sent", this.#reader.position);
  }

  #takeSend(sequence: number): OutgoingSend | undefined {
    const send = this.#sends.take(sequence);
    if (send === undefined && sequence > this.outbox.sequence)
      throw new MalformedError("given back what was not sent", 0);
    return send;
  }

  #removeListener(listener: RemoteListener): void {
    if (listener.isGoing) return;
    listener.isGoing = true;
    this.#owner.left(listener);
    // Lines may send elsewhere and look for others, but no more to this one.
    for (const line of listener.lines.splice(0)) line.leave(listener);
  }

  /** Hands out what credit came, one message of each line in turn. */
  #spend(listener: RemoteListener): void {
    const { lines } = listener;
    if (lines.length === 1) lines[0]?.pump();
    else {
      let isIdle = false;
      while (listener.canSend && !isIdle) {
        isIdle = true;
        for (const line of lines) {
          if (!line.isPressing || !listener.canSend) continue;
          isIdle = false;
          line.sendNext(listener);
        }
      }
      for (const line of lines) line.tellWants();
    }
    this.tellWant(listener);
  }

  #writeWants(): void {
    for (const listener of this.#wantDue) {
      listener.isWantDue = false;
      if (listener.isGoing) continue;
      const waiting = Math.min(MAX_WANT, listener.waiting);
      const isNews = waiting === 0 ? listener.wantTold > 0 : listener.wantTold < (waiting + 1) / 2;
      if (!isNews) continue;
      listener.wantTold = waiting;
      writeWant(this.outbox.begin(), listener.id, waiting);
      this.outbox.commit();
    }
    this.#wantDue = [];
  }

  #routeTo(listener: RemoteListener, key: MethodKey): number {
    if (key.lastListener === listener) return key.lastRoute;
    let id = listener.routes.get(key);
    if (id === undefined) {
      id = this.#nextRoute;
      this.#nextRoute = id === MAX_ROUTES ? 1 : id + 1;
      this.#forgetRoute(id);
      const writer = this.outbox.begin();
      writeRoute(writer, id, listener.id, key);
      this.outbox.commit();
      this.#routes[id] = { key, listener };
      listener.routes.set(key, id);
    }
    key.lastListener = listener;
    key.lastRoute = id;
    return id;
  }

  #forgetRoute(id: number): void {
    const former = this.#routes[id];
    if (former === undefined) return;
    former.listener.routes.delete(former.key);
    if (former.key.lastListener === former.listener) former.key.lastListener = undefined;
  }

  /** What was written and not answered has an outcome that nobody knows (B12). */
  #loseSent(end: LinkEnd, handedOver: number): void {
    const peer = this.peerName;
    const error = (): ConnectionLostError =>
      new ConnectionLostError(
        `the connection to ${peer} was lost (${end.detail}) with the message under way; it may have run`,
        true,
      );
    const lost = this.#sends.acceptedCount - this.#handled;
    for (const call of this.#calls.drain()) if (call.sequence <= handedOver) call.lost(error());
    for (const send of this.#sends.drain()) if (send.sequence <= handedOver) send.lost(error());
    // Who leaves has lost nothing: what the peer accepted, it still handles.
    if (lost > 0 && !this.#isLeaving) this.#owner.castsLost(lost, peer);
  }
}
