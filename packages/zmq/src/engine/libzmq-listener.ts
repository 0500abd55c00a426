import { ListenError } from "@trunkline/core/driver";
import type { Router } from "zeromq";
import { needsIpv6, parseEngineAddress } from "./address.js";
import { DropTally } from "./drop-tally.js";
import { END_MARK } from "./end-mark.js";
import type { EngineLink, EngineListener, EngineOptions, LinkHandler } from "./engine.js";
import { removeIpcFile, restrictIpcFile } from "./ipc-path.js";
import { type AcceptedHost, AcceptedLink } from "./libzmq-accepted.js";
import { announceDepartures } from "./libzmq-departures.js";
import type { DialerHost } from "./libzmq-dialer.js";
import { routerSecurity } from "./libzmq-security.js";
import { NOT_LET_IN } from "./link-texts.js";
import { listenError } from "./listen-error.js";
import { checkFreeDescriptors, type NativeContext, OUT_OF_FILES, reasonOf } from "./native.js";
import { RECEIVE_HIGH_WATER_MARK, SEND_HIGH_WATER_MARK } from "./pipe-bounds.js";
import { prepareBind } from "./prepare-bind.js";
import { watchSocketEvents } from "./socket-events.js";

const BACKLOG = 1_024;
/** A link is silent after so many sweeps without a frame. */
const SWEEPS_UNTIL_SILENT = 4;
/** How long a closed listener's port may take to be free, on a machine with other work. */
const UNBIND_MS = 1_000;

/** The socket's, its events' and what libzmq opens to look at the network interfaces, where it aborts if it cannot. */
const DESCRIPTORS_A_BIND = 8;

export interface ListenerHost {
  readonly options: EngineOptions;
  /** False: behave as a libzmq without its draft interface, which does not tell who leaves. For tests. */
  readonly seesDepartures: boolean;
  openContext(): NativeContext | Promise<NativeContext>;
  /** Resolves when somebody answers libzmq whom to let in, where that is asked. @throws ListenError */
  openZap(context: NativeContext): Promise<void>;
  /** As {@link DialerHost.closes}. */
  closes(ended: Promise<void>): void;
  released(listener: LibzmqListener): void;
}

/** One ROUTER, bound, and the links of the peers that have sent something to it. */
export class LibzmqListener implements EngineListener, AcceptedHost {
  readonly address: string;
  readonly #host: ListenerHost;
  readonly #socket: Router;
  readonly #ipcPath: string | undefined;
  readonly #accept: (link: EngineLink) => LinkHandler;
  /** By routing id. A link that was cut stays until its peer is known to be gone, so that its frames are not taken for a new peer's. */
  readonly #links: Map<number | string, AcceptedLink> = new Map();
  /** What libzmq is told to say, in order, when a peer is gone: drawn at random, so that no peer can say it of another or itself. */
  readonly #departure: Buffer | undefined;
  readonly #dropped: DropTally;
  readonly #unbound: Promise<void>;
  #sweepTimer: NodeJS.Timeout | undefined;
  #lingerBy = 0;
  #onLastDeparture: () => void = () => {};
  #isClosed = false;
  #closing: Promise<void> | undefined;

  private constructor(
    host: ListenerHost,
    socket: Router,
    address: string,
    ipcPath: string | undefined,
    departure: Buffer | undefined,
    dropped: DropTally,
    unbound: Promise<void>,
    accept: (link: EngineLink) => LinkHandler,
  ) {
    this.#host = host;
    this.#socket = socket;
    this.address = address;
    this.#ipcPath = ipcPath;
    this.#departure = departure;
    this.#dropped = dropped;
    this.#unbound = unbound;
    this.#accept = accept;
    this.#receive();
  }

  /** @throws ListenError */
  static async open(
    host: ListenerHost,
    address: string,
    accept: (link: EngineLink) => LinkHandler,
  ): Promise<LibzmqListener> {
    const parsed = parseEngineAddress(address, "bind");
    if (typeof parsed === "string") throw new ListenError(`cannot listen on ${address}: ${parsed}`);
    let socket: Router | undefined;
    try {
      const opened = await host.openContext();
      const { native, context } = opened;
      await host.openZap(opened);
      const bindTo = await prepareBind(address, parsed);
      checkFreeDescriptors(DESCRIPTORS_A_BIND);
      const { heartbeatMs, heartbeatTimeoutMs, handshakeMs, maxFrameBytes, security } = host.options;
      socket = new native.Router({
        context,
        ...routerSecurity(security),
        linger: 0,
        mandatory: true,
        sendTimeout: 0,
        sendHighWaterMark: SEND_HIGH_WATER_MARK,
        receiveHighWaterMark: RECEIVE_HIGH_WATER_MARK,
        backlog: BACKLOG,
        handshakeInterval: handshakeMs,
        heartbeatInterval: heartbeatMs,
        heartbeatTimeout: heartbeatTimeoutMs,
        heartbeatTimeToLive: heartbeatTimeoutMs,
        maxMessageSize: maxFrameBytes,
        ipv6: needsIpv6(parsed),
      });
      const departure = host.seesDepartures ? announceDepartures(socket) : undefined;
      const dropped = new DropTally((reason, count) => host.options.onDropped?.(reason, address, count));
      const unbound = watchUntilUnbound(host, socket, dropped);
      socket.bindSync(bindTo);
      const ipcPath = parsed.transport === "ipc" ? parsed.path : undefined;
      if (ipcPath !== undefined) await restrictIpcFile(ipcPath);
      const bound = ipcPath === undefined ? (socket.lastEndpoint ?? bindTo) : address;
      return new LibzmqListener(host, socket, bound, ipcPath, departure, dropped, unbound, accept);
    } catch (error) {
      socket?.close();
      throw listenError(address, error);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (const link of this.#links.values()) link.cut("the listener is closed");
    clearTimeout(this.#sweepTimer);
    await this.#departures();
    this.#links.clear();
    this.#socket.close();
    // The address is free only once libzmq's thread has let go of it.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, UNBIND_MS);
    });
    await Promise.race([this.#unbound, late]);
    clearTimeout(timer);
    if (this.#ipcPath !== undefined) await removeIpcFile(this.#ipcPath);
    this.#dropped.end();
    this.#host.released(this);
  }

  /**
   * Resolves when all peers have gone, which were told to, or when the time in which links are flushed is over. Not left to the
   * socket's own linger time: libzmq aborts the process where a closed socket is sent something, and its peer vanishes before
   * the next heartbeat.
   */
  #departures(): Promise<void> {
    const leftMs = this.#lingerBy - performance.now();
    if (this.#links.size === 0 || leftMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      this.#onLastDeparture = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  transmit(routingId: Buffer, frame: Uint8Array): Promise<void> {
    return this.#socket.send([routingId, frame]);
  }

  lingerFor(lingerMs: number): void {
    this.#lingerBy = Math.max(this.#lingerBy, performance.now() + lingerMs);
  }

  ended(link: AcceptedLink): void {
    if (this.#socket.closed) return;
    // The peer learns of it, if it can take one more message; if it cannot, its own heartbeats or its owner will tell it.
    this.#socket.send([link.routingId, END_MARK]).catch(() => undefined);
  }

  #receive(): void {
    if (!this.#socket.closed) this.#socket.receive().then(this.#onMessage, this.#onReceiveFailed);
  }

  readonly #onMessage = (parts: Buffer[]): void => {
    const routingId = parts[0];
    const frame = parts[1];
    if (this.#isClosed) this.#onLateMessage(routingId, frame);
    else if (routingId !== undefined) {
      const key = keyOf(routingId);
      const link = this.#links.get(key);
      if (parts.length !== 2 || frame === undefined) this.#onMalformed(key, routingId, link);
      else if (this.#departure?.equals(frame) === true) this.#onDeparted(key, link);
      else if (link === undefined) this.#onFirstFrame(key, routingId, frame);
      else this.#onFrame(link, frame);
    }
    this.#receive();
  };

  /** Nothing is taken any more but that peers have gone; where libzmq does not tell, that they are done. */
  #onLateMessage(routingId: Buffer | undefined, frame: Buffer | undefined): void {
    if (routingId === undefined || frame === undefined) return;
    const isLast = this.#departure === undefined ? frame.byteLength === 0 : this.#departure.equals(frame);
    if (isLast && this.#links.delete(keyOf(routingId)) && this.#links.size === 0) this.#onLastDeparture();
  }

  #onFrame(link: AcceptedLink, frame: Buffer): void {
    link.quietSweeps = 0;
    if (link.isEnded) {
      // The end mark of a link that both sides ended says nothing new.
      if (frame.byteLength > 0) this.#dropped.add("a frame of a link that was cut");
    } else if (frame.byteLength === 0) link.end({ reason: "lost", detail: "the other side ended the link" });
    else link.receive(frame);
  }

  #onFirstFrame(key: number | string, routingId: Buffer, frame: Buffer): void {
    // An end mark of a peer that is not known any more.
    if (frame.byteLength === 0) return;
    const link = new AcceptedLink(this, Buffer.from(routingId));
    this.#links.set(key, link);
    if (this.#departure === undefined) this.#armSweep();
    link.attach(this.#accept(link));
    if (!link.isEnded) link.receive(frame);
  }

  #onMalformed(key: number | string, routingId: Buffer, known: AcceptedLink | undefined): void {
    const link = known ?? new AcceptedLink(this, Buffer.from(routingId));
    this.#links.set(key, link);
    if (this.#departure === undefined) this.#armSweep();
    this.#dropped.add("a message of several parts");
    link.end({ reason: "handshake", detail: "it sent a message of several parts: it is no peer of this protocol" });
  }

  #onDeparted(key: number | string, link: AcceptedLink | undefined): void {
    this.#links.delete(key);
    link?.end({ reason: "lost", detail: "the other side is gone" });
  }

  readonly #onReceiveFailed = (error: unknown): void => {
    // A closed socket rejects what was waiting on it.
    if (this.#isClosed || this.#socket.closed) return;
    for (const link of this.#links.values())
      link.end({ reason: "failed", detail: `cannot receive: ${reasonOf(error)}` });
    void this.close();
  };

  /** Where libzmq does not tell who left, a link without a frame for `silentMs` is given up. */
  #armSweep(): void {
    if (this.#sweepTimer !== undefined || this.#isClosed) return;
    this.#sweepTimer = setTimeout(this.#sweep, Math.max(1, this.#host.options.silentMs / SWEEPS_UNTIL_SILENT));
    this.#sweepTimer.unref();
  }

  readonly #sweep = (): void => {
    this.#sweepTimer = undefined;
    for (const [key, link] of this.#links) {
      link.quietSweeps += 1;
      if (link.quietSweeps <= SWEEPS_UNTIL_SILENT) continue;
      this.#links.delete(key);
      link.end({ reason: "silent", detail: `nothing came for ${this.#host.options.silentMs} ms` });
    }
    if (this.#links.size > 0) this.#armSweep();
  };
}

/** libzmq's own ids are a zero and four bytes; an id that a foreign peer chose for itself is any other. */
function keyOf(routingId: Buffer): number | string {
  return routingId.byteLength === 5 && routingId[0] === 0 ? routingId.readUInt32BE(1) : routingId.toString("latin1");
}

/** Counts connections that come to nothing. Resolves when libzmq's thread has let go of the address, after `close`. */
function watchUntilUnbound(host: ListenerHost, socket: Router, dropped: DropTally): Promise<void> {
  return new Promise((resolve) => {
    const ended = watchSocketEvents(socket, (event) => {
      if (event.type === "close") resolve();
      else if (event.type === "accept:error") dropped.add(`a connection that could not be accepted: ${OUT_OF_FILES}`);
      else if (event.type === "handshake:error:auth") dropped.add(NOT_LET_IN);
      else if (event.type.startsWith("handshake:error")) dropped.add("a connection that does not speak our language");
    });
    host.closes(ended);
  });
}
