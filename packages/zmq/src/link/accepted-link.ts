// Long because a session's listening half is one state machine: what arrives, what is answered, and what goes back.
import {
  type Address,
  type CancelReason,
  MalformedError,
  type Outcome,
  type Priority,
  ReceivedShapes,
  type Request,
  SentShapes,
  ValueReader,
} from "@trunkline/core/driver";
import type { EngineLink, LinkEnd, LinkHandler } from "../engine/engine.js";
import { InboundCall, InboundCast, InboundEventDelivery, type InboundLink } from "../serving/inbound.js";
import { type EventBody, InboundRequest, InboundRoute, readEvent } from "../serving/inbound-message.js";
import type { LocalListener } from "../serving/local-listener.js";
import { Served } from "../serving/served.js";
import {
  bodyFlags,
  copyEventBody,
  copyRequestBody,
  readContext,
  readHeaders,
  readObject,
  writeRequestBody,
} from "../wire/bodies.js";
import {
  FEATURE_SHAPES,
  type Hello,
  PROTOCOL_VERSION,
  type RefuseCode,
  readHello,
  SHAPES_SLACK_BYTES,
  writeWelcome,
} from "../wire/greeting.js";
import type { RequestNames } from "../wire/names.js";
import { BYE, HAS_MONITOR, PONG } from "../wire/record-types.js";
import { type RequestSink, readRequests } from "../wire/requests.js";
import {
  writeAccepted,
  writeAdvert,
  writeBeat,
  writeCallBack,
  writeCastBack,
  writeCredit,
  writeEventBack,
  writeFail,
  writeGoaway,
  writeHandled,
  writeReclaim,
  writeReply,
  writeRequeue,
} from "../wire/responses.js";
import { refusalFrame, soleFrame } from "./greeting-frames.js";
import { HEADER_BYTES, Outbox, type OutboxOwner } from "./outbox.js";
import type { Tick } from "./tick.js";

/** What an accepted link needs of the process that accepted it. */
export interface ServingProcess {
  readonly tick: Tick;
  readonly realm: string;
  readonly incarnation: string;
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly isClosing: boolean;
  /** Those that are to be advertised. */
  listeners(): Iterable<LocalListener>;
  listener(id: number): LocalListener | undefined;
  /** The link's HELLO fitted. */
  greeted(link: AcceptedLink): void;
  ended(link: AcceptedLink): void;
  /** The other side has noted all adverts, or gave a listener up. */
  answered(link: AcceptedLink): void;
  dropped(reason: string, peer: string): void;
  after(delayMs: number, run: () => void): void;
}

/** More calls in flight than any listener's credit allows. */
const MAX_SLOT = 1 << 20;

/** Frames that wait for a peer which does not read, beyond which it is answered nothing that costs it no credit. */
const MAX_UNREAD_FRAMES = 1_024;

/** How long the last words of a session may take to leave. */
const LAST_WORDS_MS = 200;

/** `fresh`: no HELLO yet. `ready`: in session. `ended`: nothing more comes or goes. */
type State = "fresh" | "ready" | "ended";

/**
 * The listener's half of a session: requests come in, adverts, marks and answers go out. What is malformed ends this link
 * and no other.
 */
export class AcceptedLink implements LinkHandler, RequestSink, OutboxOwner, InboundLink {
  readonly outbox: Outbox;
  /** Who dialled, as it called itself. */
  peerName: string;
  /** What the dialer announced; undefined where it is to announce nothing. */
  shapes: ReceivedShapes | undefined = undefined;
  readonly #process: ServingProcess;
  readonly #engineLink: EngineLink;
  readonly #reader: ValueReader = new ValueReader();
  #state: State = "fresh";
  #session: Uint8Array = new Uint8Array(0);
  readonly #served: Map<number, Served> = new Map();
  readonly #routes: (InboundRoute | undefined)[] = [];
  /** By the dialer's own slot numbers. */
  readonly #calls: (InboundCall | undefined)[] = [];
  /** Numbered records received; how many of them ACCEPTED has told; whether it is due. */
  #received = 0;
  #isAcceptedDue = false;
  #handled = 0;
  #handledTold = 0;
  /** Numbered records sent and noted. */
  #adverts = 0;
  #noted = 0;
  #due: Served[] = [];
  #resolveGone: () => void = () => {};
  /** Resolves when the engine has let go of it. */
  readonly gone: Promise<void>;

  constructor(process: ServingProcess, engineLink: EngineLink) {
    this.#process = process;
    this.#engineLink = engineLink;
    this.peerName = engineLink.peer;
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    this.outbox = new Outbox(process.tick, this, process.maxMessageBytes);
    this.outbox.connect(engineLink);
  }

  get isOpen(): boolean {
    return this.#state !== "ended";
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  get isChoked(): boolean {
    return this.outbox.isChoked;
  }

  /** The session as text, for ids. */
  get sessionName(): string {
    return Buffer.from(this.#session).toString("hex");
  }

  get hasNotedAll(): boolean {
    return this.#noted >= this.#adverts;
  }

  /** Whether nothing more can come for the listener over this link. */
  hasGivenUp(listener: LocalListener): boolean {
    return this.#served.get(listener.id)?.hasGivenUp ?? true;
  }

  stats(): Readonly<Record<string, string | number | boolean>> {
    return {
      direction: "accepted",
      peer: this.peerName,
      state: this.#state,
      received: this.#received,
      handled: this.#handled,
      framesSent: this.outbox.framesSent,
      bytesSent: this.outbox.bytesSent,
      isChoked: this.isChoked,
    };
  }

  // ---- The engine's side

  onOpen(): void {}

  /** Whether it has been accepted and has not said HELLO. */
  get isFresh(): boolean {
    return this.#state === "fresh";
  }

  /** It has not said HELLO for too long. */
  giveUpOnHello(): void {
    this.#refuse("protocol", "no HELLO came");
  }

  onFrame(frame: Uint8Array): void {
    if (this.#state === "ended") return;
    this.#reader.reset(frame);
    try {
      if (this.#state === "fresh") this.#greet(readHello(this.#reader));
      else readRequests(this.#reader, this);
    } catch (error) {
      const what = this.#state === "fresh" ? "a peer that did not begin with HELLO" : "a malformed record";
      // Whatever else is thrown ends this link too, and not the receiving of all (E5).
      this.#refuse("protocol", `${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  onWritable(): void {
    if (!this.outbox.drain()) return;
    for (const served of this.#served.values()) served.listener.ledger.unchoked();
  }

  onEnd(_end: LinkEnd): void {
    this.#end();
    this.#resolveGone();
  }

  // ---- What the process says

  advertise(listener: LocalListener): void {
    const served = new Served(this, listener);
    this.#served.set(listener.id, served);
    const writer = this.outbox.begin();
    writeAdvert(writer, listener.advert(), served.grant.outstanding);
    this.outbox.commit();
    this.#adverts++;
  }

  goaway(listener: LocalListener): void {
    if (!this.#served.has(listener.id)) return;
    writeGoaway(this.outbox.begin(), listener.id);
    this.outbox.commit();
    this.#adverts++;
  }

  /** The listener is closed and nothing of it is in hand: its numbers are free. */
  forgetListener(listener: LocalListener): void {
    const served = this.#served.get(listener.id);
    if (served === undefined) return;
    served.listener.ledger.end(served.grant);
    // What a slow dialer still sends to it is given back by its names.
    if (served.hasGivenUp) this.#served.delete(listener.id);
  }

  /** Sends what is written, says goodbye, and ends. */
  leave(lingerMs: number = LAST_WORDS_MS): void {
    if (this.#state === "ready") {
      // What is due goes first: the other side reads nothing after BYE, and would count what was handled as lost.
      this.beforeFlush();
      this.outbox.begin().u8(BYE);
      this.outbox.commit();
      this.outbox.flush();
    }
    this.#engineLink.close(lingerMs);
    this.#end();
  }

  // ---- What the deliveries say

  /** @throws SerializationError, MessageTooLargeError: nothing was written. */
  answer(call: InboundCall, outcome: Outcome): void {
    if (this.#state !== "ready") return this.dropAnswer();
    const writer = outcome.ok ? this.outbox.beginShaped() : this.outbox.begin();
    // However little the caller takes, it has to learn that its answer is too large.
    this.outbox.beginBody(outcome.ok ? 0 : HEADER_BYTES);
    try {
      if (outcome.ok) writeReply(writer, call.slot, call.generation, outcome.value);
      else writeFail(writer, call.slot, call.generation, outcome.failure);
    } catch (error) {
      this.outbox.rollback();
      throw error;
    }
    this.outbox.commit();
  }

  dropAnswer(): void {
    this.#process.dropped("an answer that nobody waits for any more", this.peerName);
  }

  dropRequeued(): void {
    this.#process.dropped("an event to be delivered again, whose listener has stopped", this.peerName);
  }

  /** A caller that does not read would not see it either, and the next one follows. */
  beat(call: InboundCall): void {
    if (this.#state !== "ready" || this.isChoked) return;
    writeBeat(this.outbox.begin(), call.slot, call.generation);
    this.outbox.commit();
  }

  giveBackCall(call: InboundCall): void {
    this.#giveBack(call.message, (writer, flags) => writeCallBack(writer, flags, call.slot, call.generation));
  }

  giveBackCast(cast: InboundCast): void {
    // It was for this server, which leaves, and for no other.
    if (cast.to.fanout === true)
      return this.#process.dropped("a fanout that its server did not begin before it stopped", this.peerName);
    const { exchange, topic, server } = cast.to;
    this.#giveBack(cast.message, (writer, flags) =>
      writeCastBack(writer, flags, cast.sequence, { exchange, topic, server, ...cast.route.names }),
    );
  }

  giveBackEvent(event: InboundEventDelivery): void {
    const names = eventNames(event, event.attempt);
    this.#giveBackBytes(event.body, (writer, flags) => writeEventBack(writer, flags, event.sequence, names));
  }

  /** The event goes back to its sender, who chooses among its pool again. False: the sender is gone. */
  requeue(event: InboundEventDelivery, delayMs: number): boolean {
    if (this.#state !== "ready") return false;
    const names = eventNames(event, event.attempt + 1);
    this.#giveBackBytes(event.body, (writer, flags) => writeRequeue(writer, flags, Math.round(delayMs), names));
    return true;
  }

  /** A cast or an event was settled, or went back. */
  countHandled(): void {
    this.#handled++;
    if (this.#state === "ready") this.outbox.schedule();
  }

  forget(call: InboundCall): void {
    if (this.#calls[call.slot] === call) this.#calls[call.slot] = undefined;
  }

  after(delayMs: number, run: () => void): void {
    this.#process.after(delayMs, run);
  }

  due(served: Served): void {
    this.#due.push(served);
    this.outbox.schedule();
  }

  // ---- Records of the dialer

  shape(keys: readonly string[]): void {
    if (this.shapes === undefined) throw new MalformedError("a shape, and none were agreed on", this.#reader.position);
    this.shapes.add(keys, this.#reader.position);
  }

  route(id: number, listener: number, names: RequestNames): void {
    const served = this.#served.get(listener);
    if (served === undefined && this.#process.listener(listener) !== undefined) {
      throw new MalformedError("a route to a listener that was not advertised", this.#reader.position);
    }
    if (served !== undefined && served.listener.what.kind !== "rpc") {
      throw new MalformedError("a route to a listener of events", this.#reader.position);
    }
    const at = served?.listener.what.address;
    const base: Address = { realm: this.#process.realm, exchange: at?.exchange ?? "", topic: at?.topic ?? "" };
    let to = base;
    if (names.mode === "fanout") to = { ...base, fanout: true };
    else if (names.mode === "server" && at?.server !== undefined) to = { ...base, server: at.server };
    this.#routes[id] = new InboundRoute(served, names, to);
  }

  call(
    reader: ValueReader,
    flags: number,
    slot: number,
    generation: number,
    routeId: number,
    timeoutMs: number,
    monitorMs: number | undefined,
  ): void {
    const route = this.#route(routeId);
    const sequence = ++this.#received;
    const served = route.served;
    if (served === undefined || !served.listener.accepts) {
      const bodyOnly = flags & ~HAS_MONITOR;
      const body = copyRequestBody(reader, bodyOnly);
      this.#spend(served);
      const writer = this.outbox.begin();
      writeCallBack(writer, bodyOnly, slot, generation);
      writer.raw(body);
      this.outbox.commit();
      return;
    }
    // Dense but for calls that went back at once, so that this stays a plain array.
    if (slot > MAX_SLOT) throw new MalformedError("a slot out of bounds", reader.position);
    while (this.#calls.length < slot) this.#calls.push(undefined);
    const occupant = this.#calls[slot];
    if (occupant !== undefined && !occupant.isCancelled) throw new MalformedError("a slot in use", reader.position);
    const message = this.#request(reader, flags, sequence, route);
    this.#use(served);
    const until = this.#process.tick.now() + timeoutMs;
    const call = new InboundCall(this, served, route, message, slot, generation, until, monitorMs);
    this.#calls[slot] = call;
    served.listener.deliver(call);
  }

  cast(reader: ValueReader, flags: number, routeId: number): void {
    const route = this.#route(routeId);
    const sequence = ++this.#received;
    this.#acceptedDue();
    const served = route.served;
    if (served === undefined || !served.listener.accepts) {
      const body = copyRequestBody(reader, flags);
      this.#spend(served);
      if (served === undefined) this.#process.dropped("a cast for a listener that is unknown", this.peerName);
      else if (route.names.mode === "fanout") {
        // It was for this server, which leaves, and for no other.
        this.#process.dropped("a fanout that came as its server stopped", this.peerName);
      } else {
        const { exchange, topic, server } = route.to;
        const writer = this.outbox.begin();
        writeCastBack(writer, flags, sequence, { exchange, topic, server, ...route.names });
        writer.raw(body);
        this.outbox.commit();
      }
      this.countHandled();
      return;
    }
    const message = this.#request(reader, flags, sequence, route);
    this.#use(served);
    served.listener.deliver(new InboundCast(this, served, route, message, sequence));
  }

  event(reader: ValueReader, flags: number, listener: number, attempt: number, priority: Priority): void {
    const served = this.#served.get(listener);
    const sequence = ++this.#received;
    this.#acceptedDue();
    if (served === undefined || !served.listener.accepts) {
      this.#returnEvent(reader, flags, sequence, served, attempt, priority);
      return;
    }
    if (served.listener.what.kind !== "events") throw new MalformedError("an event to a server", reader.position);
    const start = reader.position;
    const message = readEvent(reader, flags, priority);
    const body = new Uint8Array(reader.bytes.subarray(start, reader.position));
    this.#use(served);
    served.listener.deliver(new InboundEventDelivery(this, served, message, { bytes: body, flags }, attempt, sequence));
  }

  cancel(slot: number, generation: number, reason: CancelReason): void {
    const call = this.#calls[slot];
    if (call !== undefined && call.generation === generation) call.cancel(reason);
  }

  want(listener: number, messages: number): void {
    const served = this.#served.get(listener);
    if (served?.listener.accepts === true) served.listener.ledger.want(served.grant, messages);
  }

  returned(listener: number, tokens: number): void {
    const served = this.#served.get(listener);
    if (served === undefined || served.grant.hasEnded) return;
    if (!served.listener.ledger.returned(served.grant, tokens)) {
      throw new MalformedError("more credit returned than was granted", this.#reader.position);
    }
  }

  gaveUp(listener: number): void {
    const served = this.#served.get(listener);
    if (served === undefined || served.listener.accepts) return;
    served.hasGivenUp = true;
    if (served.grant.hasEnded) this.#served.delete(listener);
    // Nothing more comes by its routes, and they would keep it in memory.
    for (const [id, route] of this.#routes.entries()) if (route?.served === served) this.#routes[id] = undefined;
    this.#process.answered(this);
  }

  noted(adverts: number): void {
    if (adverts > this.#adverts) throw new MalformedError("more adverts noted than were sent", this.#reader.position);
    this.#noted = adverts;
    this.#process.answered(this);
  }

  ping(): void {
    this.#checkReads();
    this.outbox.begin().u8(PONG);
    this.outbox.commit();
  }

  bye(): void {
    this.#engineLink.close(0);
    this.#end();
  }

  beforeFlush(): void {
    if (this.#state !== "ready") return;
    if (this.#isAcceptedDue) {
      this.#isAcceptedDue = false;
      writeAccepted(this.outbox.begin(), this.#received);
      this.outbox.commit();
    }
    if (this.#handled !== this.#handledTold) {
      this.#handledTold = this.#handled;
      writeHandled(this.outbox.begin(), this.#handled);
      this.outbox.commit();
    }
    if (this.#due.length > 0) this.#writeDue();
  }

  // ---- Inside

  #greet(hello: Hello): void {
    const process = this.#process;
    this.peerName = hello.name === "" ? this.#engineLink.peer : hello.name;
    if (process.isClosing) return this.#refuse("closing", "this process is closing");
    if (hello.lowestVersion > PROTOCOL_VERSION || hello.highestVersion < PROTOCOL_VERSION) {
      const spoken = `${hello.lowestVersion} to ${hello.highestVersion}`;
      return this.#refuse("version", `this process speaks version ${PROTOCOL_VERSION}, the peer ${spoken}`);
    }
    if (hello.realm !== process.realm) {
      return this.#refuse("realm", `this process is in realm ${JSON.stringify(process.realm)}`);
    }
    if (hello.incarnation !== "" && hello.incarnation !== process.incarnation) {
      return this.#refuse("incarnation", "another process listens here now");
    }
    this.#session = hello.session;
    this.outbox.maxMessageBytes = Math.min(process.maxMessageBytes, hello.maxMessageBytes);
    const features = hello.features & FEATURE_SHAPES;
    if (features !== 0) {
      this.shapes = new ReceivedShapes(process.maxMessageBytes + SHAPES_SLACK_BYTES);
      this.outbox.shapes = new SentShapes();
    }
    const listeners = [...process.listeners()];
    this.#engineLink.send(
      soleFrame((writer) =>
        writeWelcome(writer, {
          version: PROTOCOL_VERSION,
          features,
          maxMessageBytes: process.maxMessageBytes,
          session: hello.session,
          incarnation: process.incarnation,
          name: process.name,
          listeners: listeners.length,
        }),
      ),
    );
    this.#state = "ready";
    for (const listener of listeners) this.advertise(listener);
    process.greeted(this);
  }

  /** Says why, and ends the link. Counted, so that an operator sees who knocks. */
  #refuse(code: RefuseCode, text: string): void {
    this.#process.dropped(`${code}: ${text}`, this.peerName);
    this.#engineLink.send(refusalFrame(code, text));
    this.#engineLink.close(LAST_WORDS_MS);
    this.#end();
  }

  #end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.outbox.takeUnsent();
    for (const call of this.#calls) call?.cancel("gone");
    this.#calls.length = 0;
    for (const served of this.#served.values()) {
      served.hasGivenUp = true;
      served.listener.ledger.end(served.grant);
    }
    this.#process.ended(this);
  }

  #route(id: number): InboundRoute {
    const route = this.#routes[id];
    if (route === undefined) throw new MalformedError("an undefined route", this.#reader.position);
    return route;
  }

  #request(reader: ValueReader, flags: number, sequence: number, route: InboundRoute): InboundRequest {
    const params = readObject(reader);
    const context = readContext(reader, flags);
    return new InboundRequest(this, sequence, route.names, params, context, readHeaders(reader, flags));
  }

  #use(served: Served): void {
    if (!served.listener.ledger.use(served.grant))
      throw new MalformedError("a message without credit", this.#reader.position);
  }

  /** @throws MalformedError: the peer asks on and on for what it does not read, which would be kept for it without bound. */
  #checkReads(): void {
    if (this.outbox.unsentFrames > MAX_UNREAD_FRAMES)
      throw new MalformedError("it asks on and does not read", this.#reader.position);
  }

  /** A message came for a listener that takes none any more: its token is of no more use. */
  #spend(served: Served | undefined): void {
    if (served !== undefined && served.grant.outstanding > 0) served.grant.outstanding--;
    else this.#checkReads();
  }

  #acceptedDue(): void {
    if (this.#isAcceptedDue) return;
    this.#isAcceptedDue = true;
    this.outbox.schedule();
  }

  /** An event for a listener that has gone: back to its sender, by the names of a pool that the sender knows. */
  #returnEvent(
    reader: ValueReader,
    flags: number,
    sequence: number,
    served: Served | undefined,
    attempt: number,
    priority: Priority,
  ): void {
    const body = copyEventBody(reader, flags);
    this.countHandled();
    if (served === undefined || served.listener.what.kind !== "events") {
      this.#process.dropped("an event for a listener that is unknown", this.peerName);
      return;
    }
    this.#spend(served);
    const { address, pool } = served.listener.what;
    const writer = this.outbox.begin();
    const names = { exchange: address.exchange, topic: address.topic, pool, priority, attempt };
    writeEventBack(writer, flags, sequence, names);
    writer.raw(body);
    this.outbox.commit();
  }

  #giveBack(request: Request, writeHeader: (writer: Outbox["writer"], flags: number) => void): void {
    if (this.#state !== "ready") return this.#cannotGiveBack();
    const flags = bodyFlags(request);
    const writer = this.outbox.begin();
    writeHeader(writer, flags);
    writeRequestBody(writer, request, flags);
    this.outbox.commit();
  }

  #giveBackBytes(body: EventBody, writeHeader: (writer: Outbox["writer"], flags: number) => void): void {
    if (this.#state !== "ready") return this.#cannotGiveBack();
    const writer = this.outbox.begin();
    writeHeader(writer, body.flags);
    writer.raw(body.bytes);
    this.outbox.commit();
  }

  #cannotGiveBack(): void {
    this.#process.dropped("a message to be handed back, whose sender is gone", this.peerName);
  }

  #writeDue(): void {
    for (const served of this.#due) {
      if (served.due > 0) {
        writeCredit(this.outbox.begin(), served.listener.id, served.due);
        this.outbox.commit();
      }
      if (served.dueReclaim > 0) {
        writeReclaim(this.outbox.begin(), served.listener.id, served.dueReclaim);
        this.outbox.commit();
      }
      served.due = 0;
      served.dueReclaim = 0;
    }
    this.#due = [];
  }
}

function eventNames(event: InboundEventDelivery, attempt: number): Parameters<typeof writeEventBack>[3] {
  const { what } = event.listener;
  const pool = what.kind === "events" ? what.pool : undefined;
  return { exchange: event.to.exchange, topic: event.to.topic, pool, priority: event.message.priority, attempt };
}
