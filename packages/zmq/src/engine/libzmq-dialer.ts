import { ConnectError, type MessagingError } from "@trunkline/core/driver";
import type { Dealer, Event } from "zeromq";
import { type EngineAddress, parseEngineAddress } from "./address.js";
import type { EngineLink, EngineOptions, LinkEnd, LinkHandler } from "./engine.js";
import { createDealer } from "./libzmq-dealer.js";
import { dealerSecurity, misunderstanding, unfinished } from "./libzmq-security.js";
import { denial, NO_KEY } from "./link-texts.js";
import { checkFreeDescriptors, isOutOfFiles, type NativeContext, OUT_OF_FILES, reasonAndCode } from "./native.js";
import { Outbox } from "./outbox.js";
import { Parting } from "./parting.js";
import { watchSocketEvents } from "./socket-events.js";

/** The socket's, its events' and the connection's: where libzmq's thread finds none, it says nothing. */
const DESCRIPTORS_A_DIAL = 5;
const MAX_INT32 = 2_147_483_647;
/** Whole turns of the loop without a frame, after which a vanished peer's frames have all been read. */
const QUIET_TURNS = 2;

/** What a dialled link needs of its engine. */
export interface DialerHost {
  readonly options: EngineOptions;
  /** At once where the add-on is loaded. */
  openContext(): NativeContext | Promise<NativeContext>;
  /** A socket was made; the promise resolves when libzmq has let go of it. */
  closes(ended: Promise<void>): void;
  /** The link's socket is closed: the engine may let go of it. */
  released(link: DialledLink): void;
}

/**
 * One DEALER, connected once. It is closed before libzmq could reconnect it and hand what waits to whatever process binds
 * that address next; and it has no identity of its own, for a ROUTER ignores an identity that comes back too soon.
 */
export class DialledLink implements EngineLink {
  readonly peer: string;
  readonly framesAreOwned = true;
  readonly #host: DialerHost;
  readonly #handler: LinkHandler;
  readonly #outbox: Outbox;
  #socket: Dealer | undefined;
  /** The link has ended, and the other side is to have read all of it before the socket is closed. */
  #parting: Parting | undefined;
  #state: "connecting" | "open" | "ending" | "ended" = "connecting";
  #sawListener = false;
  #framesReceived = 0;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  /** When the time for flushing is over, on the clock of `performance.now()`; undefined until `close`. */
  #closeBy: number | undefined;

  constructor(host: DialerHost, address: string, handler: LinkHandler) {
    this.#host = host;
    this.peer = address;
    this.#handler = handler;
    this.#outbox = new Outbox({
      transmit: (frame) => this.#transmit(frame),
      onRoom: () => {
        if (this.#state === "open") this.#handler.onWritable();
      },
      onFlushed: () => {
        if (this.#closeBy !== undefined) this.#endNow({ reason: "cut", detail: "closed" });
      },
      onFailed: (error) => this.#endNow(this.#failure(error)),
    });
  }

  get bytesWaiting(): number {
    return this.#outbox.bytesWaiting;
  }

  /** Begins to connect. Never calls the handler back before it returned. */
  start(): void {
    const address = parseEngineAddress(this.peer, "dial");
    if (typeof address === "string") {
      const message = `cannot dial ${this.peer}: ${address}`;
      this.#endLater({ reason: "failed", detail: message, error: new ConnectError(message) });
      return;
    }
    const opened = this.#host.openContext();
    if (!(opened instanceof Promise)) {
      this.#connect(opened, address);
      return;
    }
    opened.then(
      (context) => this.#connect(context, address),
      (error: unknown) => this.#endNow(this.#failure(error)),
    );
  }

  send(frame: Uint8Array): boolean {
    // The peer is gone: what was not handed over can go to another.
    if (this.#state === "ending") return false;
    if (this.#closeBy !== undefined || frame.byteLength === 0) return true;
    return this.#outbox.offer(frame);
  }

  cut(detail: string): void {
    this.#closeBy = undefined;
    this.#endLater({ reason: "cut", detail });
  }

  close(lingerMs: number): void {
    if (this.#state === "ending" || this.#state === "ended" || this.#closeBy !== undefined) return;
    this.#closeBy = performance.now() + lingerMs;
    if (this.#outbox.isEmpty) {
      this.#endLater({ reason: "cut", detail: "closed" });
      return;
    }
    this.#closeTimer = setTimeout(
      () => this.#endNow({ reason: "cut", detail: "closed before all was sent" }),
      lingerMs,
    );
  }

  #connect(opened: NativeContext, address: EngineAddress): void {
    if (this.#state !== "connecting") return;
    const secured = dealerSecurity(this.#host.options.security, this.peer);
    if (secured === undefined) {
      this.#endLater(denial(this.peer, NO_KEY));
      return;
    }
    const { handshakeMs } = this.#host.options;
    try {
      checkFreeDescriptors(DESCRIPTORS_A_DIAL);
      const socket = createDealer(opened, address, this.#host.options, secured);
      this.#socket = socket;
      this.#host.closes(watchSocketEvents(socket, this.#onEvent));
      socket.connect(this.peer);
    } catch (error) {
      this.#endLater(this.#failure(error));
      return;
    }
    this.#handshakeTimer = setTimeout(this.#onHandshakeTimeout, Math.min(handshakeMs, MAX_INT32));
    this.#receive();
  }

  #transmit(frame: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error("there is no socket");
    return socket.send(frame);
  }

  #receive(): void {
    const socket = this.#socket ?? this.#parting?.socket;
    // The time to part may have been over just before its last frame came: a closed socket throws.
    if (socket === undefined || socket.closed) return;
    socket.receive().then(this.#onMessage, this.#onReceiveFailed);
  }

  readonly #onMessage = (parts: Buffer[]): void => {
    if (this.#state === "ended") {
      if (parts[0]?.byteLength === 0) this.#parting?.end();
      else this.#receive();
      return;
    }
    this.#framesReceived += 1;
    const frame = parts[0];
    if (parts.length !== 1 || frame === undefined) {
      this.#host.options.onDropped?.("a message of several parts", this.peer, 1);
      this.#endNow({
        reason: "handshake",
        detail: "it sent a message of several parts: it is no peer of this protocol",
      });
      return;
    }
    if (frame.byteLength === 0) {
      this.#closeBy = undefined;
      this.#endNow({ reason: "lost", detail: "the other side ended the link" });
      return;
    }
    this.#handler.onFrame(frame);
    this.#receive();
  };

  readonly #onReceiveFailed = (error: unknown): void => {
    // A closed socket rejects what was waiting on it.
    if (this.#state === "ended") this.#parting?.end();
    if (this.#state === "ended" || this.#socket?.closed === true) return;
    this.#endNow(this.#failure(error));
  };

  readonly #onEvent = (event: Event): void => {
    switch (event.type) {
      case "connect":
        this.#sawListener = true;
        return;
      case "handshake":
        this.#onHandshake();
        return;
      case "handshake:error:protocol":
      case "handshake:error:auth":
      case "handshake:error:other":
        this.#endWhenRead(misunderstanding(this.#host.options.security, this.peer, event));
        return;
      case "disconnect":
        this.#parting?.end();
        if (this.#state === "open") this.#endWhenRead({ reason: "lost", detail: "the other side is gone" });
        else
          this.#endWhenRead(
            unfinished(this.#host.options.security, "it ended the connection before the handshake was done"),
          );
        return;
      case "close":
        // libzmq gave up connecting, once.
        if (this.#state === "connecting") this.#endNow(this.#refusal("nobody listens there"));
        return;
      default:
    }
  };

  #onHandshake(): void {
    if (this.#state !== "connecting") return;
    clearTimeout(this.#handshakeTimer);
    this.#state = "open";
    this.#handler.onOpen();
    this.#outbox.open();
  }

  readonly #onHandshakeTimeout = (): void => {
    const { handshakeMs } = this.#host.options;
    if (this.#sawListener) this.#endNow({ reason: "handshake", detail: `it said nothing for ${handshakeMs} ms` });
    else this.#endNow(this.#refusal(`no connection within ${handshakeMs} ms`));
  };

  /** The peer is gone; what it sent before is still to be read. Nothing goes out any more. */
  #endWhenRead(end: LinkEnd): void {
    if (this.#state === "ending" || this.#state === "ended") return;
    this.#state = "ending";
    this.#closeBy = undefined;
    this.#outbox.close();
    let seen = this.#framesReceived;
    let quietTurns = 0;
    const turn = (): void => {
      if (this.#state === "ended") return;
      quietTurns = seen === this.#framesReceived ? quietTurns + 1 : 0;
      seen = this.#framesReceived;
      if (quietTurns > QUIET_TURNS) this.#endNow(end);
      else setImmediate(turn);
    };
    setImmediate(turn);
  }

  /** Ends now and tells the handler in the next turn: what `cut` and `close` promise. */
  #endLater(end: LinkEnd): void {
    if (this.#release()) queueMicrotask(() => this.#handler.onEnd(end));
  }

  #endNow(end: LinkEnd): void {
    if (this.#release()) this.#handler.onEnd(end);
  }

  /** Lets go of everything but the handler. False when that was done before. */
  #release(): boolean {
    if (this.#state === "ended") return false;
    const wasOpen = this.#state === "open";
    this.#state = "ended";
    clearTimeout(this.#handshakeTimer);
    clearTimeout(this.#closeTimer);
    this.#outbox.close();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined && !socket.closed) {
      if (wasOpen && this.#closeBy !== undefined) {
        this.#parting = new Parting(socket, this.#closeBy - performance.now(), () => this.#host.released(this));
        return true;
      }
      socket.close();
    }
    this.#host.released(this);
    return true;
  }

  #refusal(detail: string): LinkEnd {
    return { reason: "refused", detail, error: new ConnectError(`cannot connect to ${this.peer}: ${detail}`) };
  }

  #failure(cause: unknown): LinkEnd {
    const detail = `cannot dial ${this.peer}: ${isOutOfFiles(cause) ? OUT_OF_FILES : reasonAndCode(cause)}`;
    const error: MessagingError = cause instanceof ConnectError ? cause : new ConnectError(detail, { cause });
    return { reason: "failed", detail, error };
  }
}
