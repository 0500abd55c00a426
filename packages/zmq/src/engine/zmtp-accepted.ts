import type { Socket } from "node:net";
import type { BodyPool } from "../zmtp/body-pool.js";
import type { MechanismMaker, Traffic } from "../zmtp/mechanisms/mechanism.js";
import { ZmtpError, type ZmtpErrorCode } from "../zmtp/zmtp-error.js";
import type { EngineLink, EngineOptions, LinkEnd, LinkHandler } from "./engine.js";
import { NOT_LET_IN } from "./link-texts.js";
import { type ConnectionOwner, ZmtpConnection } from "./zmtp-connection.js";
import { ZmtpDeadline } from "./zmtp-deadline.js";
import { ZmtpOutbox } from "./zmtp-outbox.js";

/** What an accepted link needs of its listener. */
export interface ZmtpAcceptedHost {
  readonly options: EngineOptions;
  readonly bodies: BodyPool;
  readonly mechanism: MechanismMaker;
  /** As for a dialled link. */
  watch(connection: ZmtpConnection, onSilent: () => void): void;
  /** The peer may speak now. */
  greeted(link: ZmtpAcceptedLink): void;
  /** It has spoken: whose link it is. */
  accept(link: EngineLink): LinkHandler;
  dropped(reason: string): void;
  /** Nothing is left of the link. */
  released(link: ZmtpAcceptedLink): void;
}

/** One connection of a ROUTER. It is a link once its peer has said something. */
export class ZmtpAcceptedLink implements EngineLink, ConnectionOwner {
  readonly peer: string;
  readonly framesAreOwned = false;
  /** Whose it is, for the bound of connections of one address. */
  readonly remoteAddress: string;
  readonly #host: ZmtpAcceptedHost;
  readonly #outbox: ZmtpOutbox;
  readonly #connection: ZmtpConnection;
  readonly #deadline: ZmtpDeadline;
  #handler: LinkHandler | undefined;
  #isEnded = false;
  #isClosing = false;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(host: ZmtpAcceptedHost, socket: Socket, peer: string, remoteAddress: string) {
    this.#host = host;
    this.peer = peer;
    this.remoteAddress = remoteAddress;
    this.#outbox = new ZmtpOutbox(() => {
      if (!this.#isEnded && !this.#isClosing) this.#handler?.onWritable();
    });
    this.#connection = new ZmtpConnection(socket, "ROUTER", host.mechanism, this.#outbox, this);
    this.#deadline = new ZmtpDeadline(host.options.handshakeMs, () => this.#connection.reads, this.#onTooLate);
  }

  get options(): EngineOptions {
    return this.#host.options;
  }

  get bodies(): BodyPool {
    return this.#host.bodies;
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  get bytesWaiting(): number {
    return this.#outbox.bytesWaiting;
  }

  /** It was closed, and has more to send. */
  get isClosing(): boolean {
    return this.#isClosing && !this.#isEnded;
  }

  send(frame: Uint8Array): boolean {
    if (this.#isEnded || this.#isClosing || frame.byteLength === 0) return true;
    return this.#outbox.offer(frame);
  }

  /** Ends before its handshake is done, for the sake of a newer one. */
  giveWay(reason: string): void {
    this.#host.dropped(reason);
    this.#endNow({ reason: "handshake", detail: reason });
  }

  cut(detail: string): void {
    this.#isClosing = false;
    this.#endLater({ reason: "cut", detail });
  }

  close(lingerMs: number): void {
    if (this.#isEnded || this.#isClosing) return;
    this.#isClosing = true;
    this.#connection.part(lingerMs);
    if (this.#outbox.bytesWaiting === 0) {
      this.#endLater({ reason: "cut", detail: "closed" });
      return;
    }
    this.#closeTimer = setTimeout(() => {
      this.#isClosing = false;
      this.#endNow({ reason: "cut", detail: "closed before all was sent" });
    }, lingerMs);
  }

  // ---- What the connection says

  onReady(traffic: Traffic | undefined): void {
    this.#deadline.clear();
    this.#host.watch(this.#connection, () => this.#endNow({ reason: "lost", detail: "the other side is silent" }));
    this.#host.greeted(this);
    this.#outbox.open(traffic);
  }

  onFrame(frame: Buffer): void {
    if (frame.byteLength === 0) {
      this.#endNow({ reason: "lost", detail: "the other side ended the link" });
      return;
    }
    this.#handler ??= this.#host.accept(this);
    if (!this.#isEnded && !this.#isClosing) this.#handler.onFrame(frame);
  }

  onSeveralFrames(): void {
    this.#host.dropped("a message of several parts");
    this.#endNow({
      reason: "handshake",
      detail: "it sent a message of several parts: it is no peer of this protocol",
    });
  }

  onFlushed(): void {
    this.#endNow({ reason: "cut", detail: "closed" });
  }

  onBroken(error: Error | undefined): void {
    if (!(error instanceof ZmtpError)) {
      // One that came and went without a word only looked whether somebody is here.
      if (!this.isReady && this.#connection.reads > 0)
        this.#host.dropped("a connection that does not speak our language");
      const why = error === undefined ? "" : `: ${error.message}`;
      this.#endNow({ reason: "lost", detail: `the other side is gone${why}` });
      return;
    }
    this.#host.dropped(dropReason(error, this.isReady));
    this.#endNow({ reason: "lost", detail: `the other side broke a rule: ${error.message}` });
  }

  onClosed(): void {
    this.#host.released(this);
  }

  // ---- Inside

  readonly #onTooLate = (): void => {
    this.#host.dropped("a connection that did not greet in time");
    this.#endNow({ reason: "handshake", detail: "it did not greet in time" });
  };

  #endLater(end: LinkEnd): void {
    if (this.#release()) queueMicrotask(() => this.#handler?.onEnd(end));
  }

  #endNow(end: LinkEnd): void {
    if (this.#release()) this.#handler?.onEnd(end);
  }

  #release(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.#deadline.clear();
    clearTimeout(this.#closeTimer);
    // Where it was closed, the other side is still to read what the system has.
    if (!this.#isClosing) this.#connection.destroy();
    return true;
  }
}

/** Words of a fixed number: they are counted by reason. */
function dropReason(error: ZmtpError, wasReady: boolean): string {
  if (wasReady) return `a connection that breaks the rules of ZMTP (${error.code})`;
  return BEFORE_READY[error.code] ?? "a connection that does not speak our language";
}

const BEFORE_READY: Readonly<Partial<Record<ZmtpErrorCode, string>>> = {
  denied: NOT_LET_IN,
  crypto: "a connection whose handshake cannot be opened: it was meant for another key, forged or changed",
  nonce: "a connection that repeats a part of a handshake",
};
