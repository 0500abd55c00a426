import { ListenError } from "@trunkline/core/driver";
import { BodyPool } from "../zmtp/body-pool.js";
import type { Sodium } from "../zmtp/crypto/sodium.js";
import type { MechanismMaker } from "../zmtp/mechanisms/mechanism.js";
import type { Engine, EngineLink, EngineListener, EngineOptions, LinkHandler } from "./engine.js";
import type { ZmtpConnection } from "./zmtp-connection.js";
import { type ZmtpDialerHost, ZmtpDialledLink } from "./zmtp-dialer.js";
import { type ConnectionBounds, ZmtpListener, type ZmtpListenerHost } from "./zmtp-listener.js";
import { type Mechanisms, mechanismsOf } from "./zmtp-mechanisms.js";

/** Over any linger time that a link is closed with. */
const CLOSE_MS = 2_000;
/** Beats within one heartbeat: how finely a silence is measured. */
const BEATS = 2;
const LEAST_BEAT_MS = 10;

const BOUNDS: ConnectionBounds = { connections: 16_384, connectionsPerAddress: 4_096, handshakes: 2_048 };

export interface ZmtpEngineOptions extends EngineOptions {
  /** @default 16 384 connections, 4 096 of one address, 2 048 of them without a handshake */
  readonly bounds?: Partial<ConnectionBounds>;
  /** As `loadSodium` gives it: what CURVE needs. @default none */
  readonly sodium?: Sodium | undefined;
}

/**
 * The engine in TypeScript: ZMTP 3.1 over TCP and Unix sockets, on the wire the same as libzmq's, without an add-on.
 *
 * It reads and writes in the turns of the event loop: a process that hangs answers no probe. It may be opened in a worker
 * thread. An open link or listener keeps the process alive until it is closed.
 */
export function createZmtpEngine(options: ZmtpEngineOptions): Engine {
  return new ZmtpEngine(options);
}

class ZmtpEngine implements Engine, ZmtpDialerHost, ZmtpListenerHost {
  readonly name = "zmtp";
  readonly options: EngineOptions;
  readonly bodies: BodyPool = new BodyPool();
  readonly bounds: ConnectionBounds;
  readonly #mechanisms: Mechanisms;
  readonly #links: Set<ZmtpDialledLink> = new Set();
  readonly #listeners: Set<ZmtpListener> = new Set();
  readonly #opening: Set<Promise<unknown>> = new Set();
  /** Whom to tell that nothing comes from a connection any more. */
  readonly #watched: Map<ZmtpConnection, () => void> = new Map();
  #beatTimer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #onLastReleased: () => void = () => {};

  constructor(options: ZmtpEngineOptions) {
    this.options = options;
    this.bounds = { ...BOUNDS, ...options.bounds };
    this.#mechanisms = mechanismsOf(options.security, options.sodium);
  }

  async listen(address: string, accept: (link: EngineLink) => LinkHandler): Promise<EngineListener> {
    if (this.#isClosed) throw new ListenError(`cannot listen on ${address}: the engine is closed`);
    const opening = ZmtpListener.open(this, address, accept);
    this.#opening.add(opening);
    try {
      const listener = await opening;
      this.#listeners.add(listener);
      if (this.#isClosed) throw new ListenError(`cannot listen on ${address}: the engine was closed meanwhile`);
      return listener;
    } finally {
      this.#opening.delete(opening);
    }
  }

  dial(address: string, handler: LinkHandler): EngineLink {
    const link = new ZmtpDialledLink(this, address, handler);
    if (this.#isClosed) {
      link.cut("the engine is closed");
      return link;
    }
    this.#links.add(link);
    link.start();
    return link;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const link of this.#links) if (!link.isClosing) link.cut("the engine is closed");
    await Promise.allSettled(this.#opening);
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    await this.#lastLink();
    for (const link of this.#links) link.cut("the engine is closed");
    clearTimeout(this.#beatTimer);
    this.#watched.clear();
    this.options.security?.wipe();
  }

  get mechanism(): MechanismMaker {
    return this.#mechanisms.forListening;
  }

  mechanismFor(address: string): MechanismMaker | undefined {
    return this.#mechanisms.forDialling(address);
  }

  watch(connection: ZmtpConnection, onSilent: () => void): void {
    this.#watched.set(connection, onSilent);
    this.#armBeat();
  }

  released(owner: ZmtpDialledLink | ZmtpListener): void {
    if (owner instanceof ZmtpListener) this.#listeners.delete(owner);
    else if (this.#links.delete(owner) && this.#links.size === 0) this.#onLastReleased();
  }

  /** Resolves when all links have been read by their other sides, or there was time enough for that. */
  #lastLink(): Promise<void> {
    if (this.#links.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CLOSE_MS);
      this.#onLastReleased = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #armBeat(): void {
    if (this.#beatTimer !== undefined || this.#isClosed) return;
    this.#beatTimer = setTimeout(this.#beat, Math.max(LEAST_BEAT_MS, this.options.heartbeatMs / BEATS));
    this.#beatTimer.unref();
  }

  readonly #beat = (): void => {
    this.#beatTimer = undefined;
    const now = performance.now();
    const doubted: ZmtpConnection[] = [];
    for (const connection of this.#watched.keys()) {
      if (connection.isOver) this.#watched.delete(connection);
      else if (connection.beat(now)) doubted.push(connection);
    }
    if (doubted.length > 0) this.#judge(doubted);
    if (this.#watched.size > 0) this.#armBeat();
  };

  /** Behind the next reading of sockets: what was sent while this process hung speaks for its sender. */
  #judge(doubted: readonly ZmtpConnection[]): void {
    const reads = doubted.map((connection) => connection.reads);
    setImmediate(() => {
      for (const [index, connection] of doubted.entries()) {
        if (connection.reads !== reads[index] || connection.isOver) continue;
        this.#watched.get(connection)?.();
        this.#watched.delete(connection);
      }
    });
  }
}
