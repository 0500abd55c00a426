import {
  type Clock,
  ClosedError,
  type Delivery,
  ListenError,
  type Listener,
  type ListenOptions,
  type MessagingError,
  type Subscription,
  type Timer,
} from "@trunkline/core/driver";
import type { Engine, EngineLink, EngineListener } from "../engine/engine.js";
import { AcceptedLink, type ServingProcess } from "../link/accepted-link.js";
import type { Tick } from "../link/tick.js";
import type { Lease, ListenerRecord, Matchmaker } from "../matchmaker/matchmaker.js";
import { LocalListener } from "./local-listener.js";

export interface ServerParts {
  readonly tick: Tick;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly matchmaker: Matchmaker;
  readonly realm: string;
  readonly incarnation: string;
  readonly name: string;
  readonly maxMessageBytes: number;
  dropped(reason: string, peer: string): void;
}

/** How long dialers may take to say that they send nothing more to a listener that stops, or that they have noted a new one. */
const ANSWER_MS = 1_000;
/** How long a new link may take to say HELLO. */
const HELLO_MS = 10_000;
const LINGER_MS = 500;

/** The receiving half of a transport: one address, the links that others dialled to it, and the listeners they may send to. */
export class Server implements ServingProcess {
  readonly tick: Tick;
  readonly realm: string;
  readonly incarnation: string;
  readonly name: string;
  readonly maxMessageBytes: number;
  isClosing = false;
  readonly #parts: ServerParts;
  readonly #links: Map<AcceptedLink, number> = new Map();
  readonly #listeners: Map<number, ZmqListener> = new Map();
  /** Who waits for an answer of some links. */
  readonly #awaiting: Set<() => void> = new Set();
  /** What is to be done later, with its timer. */
  readonly #later: Map<() => void, Timer> = new Map();
  #nextListener = 1;
  #opening: Promise<EngineListener> | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.tick = parts.tick;
    this.realm = parts.realm;
    this.incarnation = parts.incarnation;
    this.name = parts.name;
    this.maxMessageBytes = parts.maxMessageBytes;
  }

  get matchmaker(): Matchmaker {
    return this.#parts.matchmaker;
  }

  /** @throws ListenError, ClosedError. */
  async listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    this.#checkOpen();
    const { address } = await this.#open();
    this.#checkOpen();
    const local = new LocalListener(this.#nextListener++, what, deliver, options.credit);
    const listener = new ZmqListener(this, local);
    this.#listeners.set(local.id, listener);
    // Advertised before it is on record: who finds the record and asks on its link gets the advert before the answer.
    for (const link of this.#links.keys()) if (link.isReady) link.advertise(local);
    try {
      await listener.register(recordOf(what, address, this.incarnation));
      if (this.matchmaker.joinLatencyMs > 0) await this.answers((link) => link.hasNotedAll);
    } catch (error) {
      await listener.close();
      // What failed because the transport is being closed says so.
      this.#checkOpen();
      throw error;
    }
    if (this.isClosing) {
      await listener.close();
      this.#checkOpen();
    }
    // `listen` resolves in a promise job, all of which run before the next tick.
    process.nextTick(() => local.open());
    return listener;
  }

  /** To be called every second. */
  sweep(now: number): void {
    for (const [link, since] of this.#links) if (link.isFresh && now - since > HELLO_MS) link.giveUpOnHello();
    for (const { local } of this.#listeners.values()) local.ledger.lookAgain();
  }

  stats(): readonly Readonly<Record<string, string | number | boolean>>[] {
    return [...this.#links.keys()].map((link) => link.stats());
  }

  gauges(): Readonly<Record<string, number>> {
    let inHand = 0;
    for (const { local } of this.#listeners.values()) inHand += local.ledger.inHand;
    return {
      "server.links": this.#links.size,
      "server.listeners": this.#listeners.size,
      "server.inHand": inHand,
      "server.later": this.#later.size,
    };
  }

  /** All listeners say goaway at once, then end; then the links; then the address. */
  async close(): Promise<void> {
    this.isClosing = true;
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
    // Events that were to come again find their listener closed, which is told now and not when their time comes.
    for (const [run, timer] of [...this.#later]) {
      timer.cancel();
      run();
    }
    const links = [...this.#links.keys()];
    for (const link of links) link.leave(LINGER_MS);
    await Promise.all(links.map(({ gone }) => gone));
    const engineListener = await this.#opening?.catch(() => undefined);
    await engineListener?.close();
  }

  // ---- What its listeners ask

  /** Tells every dialer that nothing new is to be sent to the listener, and resolves when they have agreed, or are too slow. */
  async goaway(local: LocalListener): Promise<void> {
    for (const link of this.#links.keys()) if (link.isReady) link.goaway(local);
    await this.answers((link) => link.hasGivenUp(local));
  }

  /** The listener is no more. */
  forget(local: LocalListener): void {
    this.#listeners.delete(local.id);
    for (const link of this.#links.keys()) link.forgetListener(local);
  }

  /** Resolves when it holds for each link that is in session now, or after a second. */
  answers(holds: (link: AcceptedLink) => boolean): Promise<void> {
    const waiting = [...this.#links.keys()].filter((link) => link.isReady);
    const isDone = (): boolean => waiting.every((link) => !link.isReady || holds(link));
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        this.#awaiting.delete(check);
        resolve();
      };
      const check = (): void => {
        if (isDone()) finish();
      };
      const timer = this.#parts.clock.setTimer(finish, ANSWER_MS);
      this.#awaiting.add(check);
    });
  }

  // ---- What its links tell

  *listeners(): Iterable<LocalListener> {
    for (const { local } of this.#listeners.values()) if (local.accepts) yield local;
  }

  listener(id: number): LocalListener | undefined {
    return this.#listeners.get(id)?.local;
  }

  greeted(): void {}

  ended(link: AcceptedLink): void {
    this.#links.delete(link);
    this.answered();
  }

  answered(): void {
    for (const check of [...this.#awaiting]) check();
  }

  dropped(reason: string, peer: string): void {
    this.#parts.dropped(reason, peer);
  }

  after(delayMs: number, run: () => void): void {
    const due = (): void => {
      this.#later.delete(due);
      run();
    };
    this.#later.set(due, this.#parts.clock.setTimer(due, delayMs, { background: true }));
  }

  // ---- Inside

  /** Binds once; after a failure the next listener tries again. */
  #open(): Promise<EngineListener> {
    this.#opening ??= this.#bind().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #bind(): Promise<EngineListener> {
    const address = await this.#parts.matchmaker.listenAddress();
    return this.#parts.engine.listen(address, (engineLink) => this.#accept(engineLink));
  }

  #accept(engineLink: EngineLink): AcceptedLink {
    const link = new AcceptedLink(this, engineLink);
    this.#links.set(link, this.#parts.clock.now());
    return link;
  }

  #checkOpen(): void {
    if (this.isClosing) throw new ClosedError("cannot listen: the transport is closed; open a new one");
  }
}

/** One listener, as core holds it. */
class ZmqListener implements Listener {
  readonly local: LocalListener;
  readonly closed: Promise<MessagingError | undefined>;
  readonly #server: Server;
  #lease: Lease | undefined;
  #stopping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #resolveClosed: (reason: MessagingError | undefined) => void = () => {};

  constructor(server: Server, local: LocalListener) {
    this.#server = server;
    this.local = local;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  async register(record: ListenerRecord): Promise<void> {
    this.#lease = await this.#server.matchmaker.register(record);
    if (!this.local.accepts) {
      await this.#lease.withdraw();
      throw new ListenError(`the listener on ${JSON.stringify(record.topic)} was closed while it was starting`);
    }
  }

  setCredit(deliveries: number): void {
    this.local.ledger.resize(deliveries);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    this.local.stop();
    // Who looks it up from now on does not find it, and who knows it hears that it goes.
    const withdrawn = this.#lease?.withdraw();
    await this.#server.goaway(this.local);
    await withdrawn;
  }

  async #close(): Promise<void> {
    await this.stop();
    this.local.close();
    this.#server.forget(this.local);
    this.#resolveClosed(undefined);
  }
}

function recordOf(what: Subscription, address: string, incarnation: string): ListenerRecord {
  const { realm, exchange, topic, server } = what.address;
  const place = { realm, exchange, topic, address, incarnation };
  if (what.kind === "rpc") return { kind: "rpc", ...place, ...(server === undefined ? {} : { server }) };
  return {
    kind: "events",
    ...place,
    priorities: what.priorities,
    ...(what.pool === undefined ? {} : { pool: what.pool }),
  };
}
