import { hostname } from "node:os";
import {
  type Address,
  type CallHandle,
  type CallOptions,
  type Capabilities,
  type Delivery,
  type Driver,
  type DriverEvents,
  type DriverHost,
  type DriverState,
  type DriverStats,
  type Event,
  type Listener,
  type ListenOptions,
  type MessagingError,
  type Receipt,
  type ReplySink,
  type Request,
  type SendOptions,
  type Subscription,
  type Timer,
  TypedEmitter,
} from "@trunkline/core/driver";
import type { Engine } from "./engine/engine.js";
import { Tick } from "./link/tick.js";
import type { Matchmaker } from "./matchmaker/matchmaker.js";
import type { ZmqOptions } from "./options.js";
import { Pool } from "./pool/pool.js";
import { Sender } from "./routing/sender.js";
import { Server } from "./serving/server.js";
import { SESSION_BYTES } from "./wire/greeting.js";

const SWEEP_MS = 1_000;
/** An idle dialer shows its listeners so often that it lives. */
const PING_MS = 10_000;
const WELCOME_MS = 10_000;
/** As long as a send may wait by default. */
const RETURNED_MS = 30_000;
const MIB = 1024 * 1024;

export interface ZmqDriverParts {
  readonly realm: string;
  readonly host: DriverHost;
  readonly options: ZmqOptions;
  readonly capabilities: Capabilities;
  readonly engine: Engine;
  readonly matchmaker: Matchmaker;
  readonly tally: DropTally;
  readonly dialHook: (address: string) => string;
}

/** Counts what was dropped, and tells it (F1). */
export class DropTally {
  count = 0;
  onDropped: ((reason: string, peer: string, count: number) => void) | undefined;

  readonly add = (reason: string, peer: string, count = 1): void => {
    this.count += count;
    this.onDropped?.(reason, peer, count);
  };
}

/** One open transport over ZeroMQ: what it sends, what it serves, and whom it knows. */
export class ZmqDriver implements Driver {
  readonly capabilities: Capabilities;
  readonly events: TypedEmitter<DriverEvents>;
  readonly #parts: ZmqDriverParts;
  readonly #tick: Tick;
  readonly #pool: Pool;
  readonly #sender: Sender;
  readonly #server: Server;
  readonly #sweeper: Timer;
  #castsLost = 0;
  #isEnding = false;
  #closing: Promise<void> | undefined;

  constructor(parts: ZmqDriverParts) {
    const { host, options, engine, matchmaker, realm, tally } = parts;
    const { clock } = host;
    this.#parts = parts;
    this.capabilities = parts.capabilities;
    this.events = new TypedEmitter(host.logger);
    tally.onDropped = (reason, peer, count) =>
      this.events.emit("dropped", { count, reason, ...(peer === "" ? {} : { peer }) });
    this.#tick = new Tick(() => clock.now());
    const tick = this.#tick;
    const name = `${hostname()}/${process.pid}`;
    const random = (): number => host.random();
    const warn = (message: string, error: unknown): void => this.#warn(message, error);
    // The sender and the pool know each other: the sender asks for links, the pool tells it what comes over them.
    const poolOf = (): Pool => this.#pool;
    this.#sender = new Sender({
      tick,
      realm,
      name,
      maxMessageBytes: options.maxMessageBytes,
      matchmaker,
      discoveryMs: options.discoveryMs,
      returnedMs: RETURNED_MS,
      bounds: { messages: options.queueMessages, bytes: options.queueMiB * MIB },
      random,
      warn,
      get pool() {
        return poolOf();
      },
      now: () => clock.now(),
      setTimer: (run, delayMs) => clock.setTimer(run, delayMs, { background: true }),
      newSession: () => newSession(host),
      castsLost: (count, peer) => this.#loseCasts(count, peer),
      dropped: tally.add,
    });
    this.#pool = new Pool(
      {
        engine,
        matchmaker,
        linkOwner: this.#sender,
        clock,
        random,
        dialHook: parts.dialHook,
        warn,
        status: (state, detail, error) => this.#status(state, detail, error),
      },
      { idleMs: options.idleMs, maxLinks: options.poolLinks, pingMs: PING_MS, welcomeMs: WELCOME_MS },
    );
    this.#server = new Server({
      tick,
      clock,
      engine,
      matchmaker,
      realm,
      incarnation: host.newId(),
      name,
      maxMessageBytes: options.maxMessageBytes,
      dropped: tally.add,
    });
    this.#sweeper = this.#sweepLater();
    this.#pool.open();
  }

  send(to: Address, message: Request | Event, options: SendOptions): Promise<Receipt> {
    return this.#sender.send(to, message, options);
  }

  call(to: Address, request: Request, sink: ReplySink, options: CallOptions): CallHandle {
    return this.#sender.call(to, request, sink, options);
  }

  listen(what: Subscription, deliver: (delivery: Delivery) => void, options: ListenOptions): Promise<Listener> {
    return this.#server.listen(what, deliver, options);
  }

  stats(): DriverStats {
    const pool = this.#pool.stats();
    const dialled = [...this.#pool.peers].flatMap(({ link }) => (link === undefined ? [] : [link.stats()]));
    return {
      counters: { ...pool.counters, dropped: this.#parts.tally.count, castsLost: this.#castsLost },
      gauges: { ...pool.gauges, ...this.#sender.stats(), ...this.#server.gauges() },
      links: [...dialled, ...this.#server.stats()],
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What waits fails; listeners drain what they must not keep; links part; then nothing is left open (E4). */
  async #close(): Promise<void> {
    this.#isEnding = true;
    this.#sweeper.cancel();
    this.#sender.close();
    await this.#server.close();
    await this.#pool.close();
    await this.#parts.matchmaker.close();
    await this.#parts.engine.close();
    this.#status("closed", "closed", undefined);
  }

  #sweepLater(): Timer {
    const { clock } = this.#parts.host;
    let timer: Timer;
    const run = (): void => {
      const now = clock.now();
      this.#pool.sweep(now);
      this.#server.sweep(now);
      this.#sender.sweep(now, this.#parts.options.idleMs);
      timer = clock.setTimer(run, SWEEP_MS, { background: true });
    };
    timer = clock.setTimer(run, SWEEP_MS, { background: true });
    return { cancel: () => timer.cancel() };
  }

  #loseCasts(count: number, peer: string): void {
    this.#castsLost += count;
    this.events.emit("castsLost", { count, peer });
  }

  #status(state: DriverState, detail: string, error: MessagingError | undefined): void {
    if (this.#isEnding && state !== "closed") return;
    this.events.emit("status", { state, detail, ...(error === undefined ? {} : { error }) });
  }

  #warn(message: string, error: unknown): void {
    this.events.emit("warning", { message, ...(error === undefined ? {} : { error }) });
  }
}

/** New for each link, from the host's source of ids. */
function newSession(host: DriverHost): Uint8Array {
  const id = Buffer.from(host.newId().replaceAll("-", ""), "hex");
  if (id.length >= SESSION_BYTES) return new Uint8Array(id.subarray(0, SESSION_BYTES));
  const session = Buffer.alloc(SESSION_BYTES);
  for (let at = 0; at < SESSION_BYTES; at++) session[at] = Math.floor(host.random() * 256);
  return new Uint8Array(session);
}
