/** Both halves of a session over an engine in memory, and logs of what each told its process. */
import { type Delivery, PRIORITIES, type Priority, type Subscription } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import type { LinkHandler } from "../../src/engine/engine.js";
import { AcceptedLink, type ServingProcess } from "../../src/link/accepted-link.js";
import { DialedLink, type LinkKeeper, type LinkOwner, type SessionEnd } from "../../src/link/dialed-link.js";
import type { RemoteListener } from "../../src/link/remote-listener.js";
import { Tick } from "../../src/link/tick.js";
import type { Line } from "../../src/routing/line.js";
import type { Outgoing, OutgoingCall, OutgoingSend } from "../../src/routing/outgoing.js";
import { LocalListener } from "../../src/serving/local-listener.js";
import { SESSION_BYTES } from "../../src/wire/greeting.js";
import type { CastNames, EventNames } from "../../src/wire/responses.js";
import { readerOf } from "./bytes.js";
import { EnginePair } from "./engine-pair.js";
import { newLine } from "./lines.js";
import { readEventBody, readRequestBody } from "./request-records.js";

/** What a dialing process hears. Its one line has each listener of requests as a member, `events` each other. */
export class OwnerLog implements LinkOwner, LinkKeeper {
  readonly tick: Tick;
  readonly realm: string;
  readonly name = "dialer";
  readonly maxMessageBytes: number;
  readonly line: Line;
  readonly events: Line;
  readonly listeners: Set<RemoteListener> = new Set();
  readonly heard: string[] = [];
  readonly returned: { readonly what: string; readonly names?: CastNames | EventNames; readonly body?: unknown }[] = [];
  readonly droppedReasons: string[] = [];
  lostCasts = 0;
  readyCount = 0;
  end: SessionEnd | undefined;
  #sessions = 0;

  constructor(tick: Tick, realm: string, maxMessageBytes: number) {
    this.tick = tick;
    this.realm = realm;
    this.maxMessageBytes = maxMessageBytes;
    this.line = newLine({ tick });
    this.events = newLine({ tick, name: "pool" });
  }

  newSession(): Uint8Array {
    return new Uint8Array(SESSION_BYTES).fill(++this.#sessions);
  }

  ready(): void {
    this.readyCount++;
    this.heard.push("ready");
  }

  ended(_link: DialedLink, end: SessionEnd): void {
    this.end = end;
    this.heard.push("ended");
  }

  joined(listener: RemoteListener): void {
    this.listeners.add(listener);
    this.heard.push(`joined ${listener.id}`);
    (listener.advert.kind === "rpc" ? this.line : this.events).join(listener);
  }

  left(listener: RemoteListener): void {
    this.listeners.delete(listener);
    this.heard.push(`left ${listener.id}`);
  }

  unsent(messages: readonly Outgoing[]): void {
    for (const message of messages) {
      this.returned.push({ what: "unsent" });
      message.line.putBack([message]);
    }
  }

  callBack(call: OutgoingCall): void {
    const body = call.body === undefined ? undefined : readRequestBody(readerOf(call.body), call.flags);
    this.returned.push({ what: "call", body });
    call.line.putBack([call]);
  }

  castBack(sent: OutgoingSend | undefined, names: CastNames, flags: number, body: Uint8Array): void {
    this.#gaveBack(sent, "cast", names, readRequestBody(readerOf(body), flags), flags, body);
  }

  eventBack(sent: OutgoingSend | undefined, names: EventNames, flags: number, body: Uint8Array): void {
    this.#gaveBack(sent, "event", names, readEventBody(readerOf(body), flags), flags, body);
  }

  requeued(names: EventNames, flags: number, body: Uint8Array, delayMs: number): void {
    this.returned.push({ what: `requeued ${delayMs}`, names, body: readEventBody(readerOf(body), flags) });
  }

  castsLost(count: number): void {
    this.lostCasts += count;
  }

  dropped(reason: string): void {
    this.droppedReasons.push(reason);
  }

  #gaveBack(
    sent: OutgoingSend | undefined,
    what: string,
    names: CastNames | EventNames,
    content: unknown,
    flags: number,
    body: Uint8Array,
  ): void {
    this.returned.push({ what: sent === undefined ? `${what}, accepted before` : what, names, body: content });
    if (sent === undefined || sent.state === "settled") return;
    sent.flags = flags;
    sent.body = body;
    sent.line.putBack([sent]);
  }
}

/** What a serving process hears. */
export class ProcessLog implements ServingProcess {
  readonly tick: Tick;
  readonly clock: ManualClock = new ManualClock();
  readonly realm: string;
  readonly incarnation: string;
  readonly name = "server";
  readonly maxMessageBytes: number;
  isClosing = false;
  readonly byId: Map<number, LocalListener> = new Map();
  readonly heard: string[] = [];
  readonly droppedReasons: string[] = [];

  constructor(tick: Tick, realm: string, maxMessageBytes: number, incarnation: string) {
    this.tick = tick;
    this.realm = realm;
    this.maxMessageBytes = maxMessageBytes;
    this.incarnation = incarnation;
  }

  *listeners(): Iterable<LocalListener> {
    for (const listener of this.byId.values()) if (listener.accepts) yield listener;
  }

  listener(id: number): LocalListener | undefined {
    return this.byId.get(id);
  }

  greeted(): void {
    this.heard.push("greeted");
  }
  ended(): void {
    this.heard.push("ended");
  }
  answered(): void {
    this.heard.push("answered");
  }
  dropped(reason: string): void {
    this.droppedReasons.push(reason);
  }
  after(delayMs: number, run: () => void): void {
    this.clock.setTimer(run, delayMs);
  }
}

/** A listener of a serving process, and all that was delivered to it. */
export interface TestListener {
  readonly local: LocalListener;
  readonly deliveries: Delivery[];
}

export interface SessionOptions {
  readonly realm?: string;
  readonly serverRealm?: string;
  readonly meant?: string;
  readonly dialerMaxBytes?: number;
  readonly serverMaxBytes?: number;
}

export class Session {
  readonly tick: Tick;
  readonly clock: ManualClock = new ManualClock();
  readonly pair: EnginePair = new EnginePair();
  readonly owner: OwnerLog;
  readonly process: ProcessLog;
  readonly dialed: DialedLink;
  readonly accepted: AcceptedLink;
  #listeners = 0;

  constructor(options: SessionOptions = {}) {
    const { realm = "", serverRealm = realm, meant = "", dialerMaxBytes = 1e6, serverMaxBytes = 1e6 } = options;
    this.tick = new Tick(() => this.clock.now());
    this.owner = new OwnerLog(this.tick, realm, dialerMaxBytes);
    this.process = new ProcessLog(this.tick, serverRealm, serverMaxBytes, "run-1");
    this.dialed = new DialedLink(this.owner, this.owner, "tcp://server:1", meant);
    this.accepted = new AcceptedLink(this.process, this.pair.listener);
  }

  /** A listener of the serving process; before `open` it is part of the greeting. */
  listen(what: Partial<Subscription> & { readonly credit?: number } = {}): TestListener {
    const deliveries: Delivery[] = [];
    const local = new LocalListener(
      ++this.#listeners,
      subscription(this.process.realm, what),
      (delivery) => deliveries.push(delivery),
      what.credit ?? 16,
    );
    this.process.byId.set(local.id, local);
    local.open();
    if (this.accepted.isReady) this.accepted.advertise(local);
    return { local, deliveries };
  }

  /** Connects, greets, and lets all that follows happen. */
  async open(server: LinkHandler = this.accepted): Promise<this> {
    this.dialed.dial({ dial: () => this.pair.dialer, ...NO_ENGINE }, this.dialed.address);
    this.pair.open(this.dialed, server);
    await this.pair.settle();
    return this;
  }

  settle(): Promise<void> {
    return this.pair.settle();
  }

  /** As a server stops a listener: nothing new is sent to it, then what was never taken goes back. */
  async stop({ local }: TestListener): Promise<void> {
    local.stop();
    this.accepted.goaway(local);
    await this.settle();
    local.close();
    this.accepted.forgetListener(local);
    await this.settle();
  }

  /** The listener of that number, as the dialer knows it. */
  remote(id: number): RemoteListener {
    for (const listener of this.dialed.listeners) if (listener.id === id) return listener;
    throw new Error(`no listener ${id} was advertised`);
  }
}

const NO_ENGINE = {
  name: "pair",
  listen: () => Promise.reject(new Error("it only dials")),
  close: () => Promise.resolve(),
};

function subscription(realm: string, what: Partial<Subscription>): Subscription {
  const address = { realm, exchange: "default", topic: "t" };
  if (what.kind === "events") {
    const priorities: readonly Priority[] = what.priorities ?? PRIORITIES;
    return { kind: "events", address, priorities, ...(what.pool === undefined ? {} : { pool: what.pool }) };
  }
  return { kind: "rpc", address: { ...address, server: what.address?.server ?? "s" } };
}

/** What a request or an event was delivered with. */
export function contentOf({ message }: Delivery): unknown {
  return message.kind === "request" ? message.params : message.payload;
}
