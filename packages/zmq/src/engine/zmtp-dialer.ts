import { connect, type Socket } from "node:net";
import { ConnectError } from "@trunkline/core/driver";
import type { BodyPool } from "../zmtp/body-pool.js";
import type { MechanismMaker, Traffic } from "../zmtp/mechanisms/mechanism.js";
import { ZmtpError } from "../zmtp/zmtp-error.js";
import { type EngineAddress, parseEngineAddress } from "./address.js";
import type { EngineLink, EngineOptions, LinkEnd, LinkHandler } from "./engine.js";
import { denial, MAY_BE_DENIED, NO_KEY } from "./link-texts.js";
import { codeOf, isOutOfFiles, OUT_OF_FILES, reasonOf } from "./native.js";
import { type ConnectionOwner, ZmtpConnection } from "./zmtp-connection.js";
import { ZmtpDeadline } from "./zmtp-deadline.js";
import { ZmtpOutbox } from "./zmtp-outbox.js";
import { abstractPath } from "./zmtp-path.js";

/** A Unix socket whose owner is slow to accept refuses with EAGAIN: it is asked again. */
const BUSY_RETRY_MS = 20;
const SEVERAL_FRAMES = "it sent a message of several parts: it is no peer of this protocol";

/** What a dialled link needs of its engine. */
export interface ZmtpDialerHost {
  readonly options: EngineOptions;
  readonly bodies: BodyPool;
  /** How a connection to that address begins; undefined: nobody is trusted there. */
  mechanismFor(address: string): MechanismMaker | undefined;
  /** To be asked for signs of life until it is closed. */
  watch(connection: ZmtpConnection, onSilent: () => void): void;
  /** Nothing is left of the link. */
  released(link: ZmtpDialledLink): void;
}

/** A DEALER's one connection. */
export class ZmtpDialledLink implements EngineLink, ConnectionOwner {
  readonly peer: string;
  readonly framesAreOwned = false;
  readonly #host: ZmtpDialerHost;
  readonly #handler: LinkHandler;
  readonly #outbox: ZmtpOutbox;
  #state: "connecting" | "greeting" | "open" | "ended" = "connecting";
  #socket: Socket | undefined;
  #connection: ZmtpConnection | undefined;
  #deadline: ZmtpDeadline | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  /** When the time for flushing is over, on the clock of `performance.now()`; undefined until `close`. */
  #closeBy: number | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(host: ZmtpDialerHost, address: string, handler: LinkHandler) {
    this.#host = host;
    this.peer = address;
    this.#handler = handler;
    this.#outbox = new ZmtpOutbox(() => {
      if (this.#state === "open" && this.#closeBy === undefined) this.#handler.onWritable();
    });
  }

  get options(): EngineOptions {
    return this.#host.options;
  }

  get bodies(): BodyPool {
    return this.#host.bodies;
  }

  get bytesWaiting(): number {
    return this.#outbox.bytesWaiting;
  }

  /** It was closed, and has more to send. */
  get isClosing(): boolean {
    return this.#closeBy !== undefined && this.#state !== "ended";
  }

  /** Begins to connect. Never calls the handler back before it returned. */
  start(): void {
    const parsed = parseEngineAddress(this.peer, "dial");
    const address = typeof parsed === "string" ? parsed : (abstractPath(parsed) ?? parsed);
    if (typeof address === "string") {
      const message = `cannot dial ${this.peer}: ${address}`;
      this.#endLater({ reason: "failed", detail: message, error: new ConnectError(message) });
      return;
    }
    const mechanism = this.#host.mechanismFor(this.peer);
    if (mechanism === undefined) {
      this.#endLater(denial(this.peer, NO_KEY));
      return;
    }
    this.#deadline = new ZmtpDeadline(
      this.options.handshakeMs,
      () => (this.#connection === undefined ? 0 : 1 + this.#connection.reads),
      () => this.#endNow(this.#tooLate()),
    );
    this.#connect(address, mechanism);
  }

  send(frame: Uint8Array): boolean {
    if (this.#state === "ended" || this.#closeBy !== undefined || frame.byteLength === 0) return true;
    return this.#outbox.offer(frame);
  }

  cut(detail: string): void {
    this.#closeBy = undefined;
    this.#endLater({ reason: "cut", detail });
  }

  close(lingerMs: number): void {
    if (this.#state === "ended" || this.#closeBy !== undefined) return;
    this.#closeBy = performance.now() + lingerMs;
    if (this.#state === "open") this.#connection?.part(lingerMs);
    if (this.#outbox.bytesWaiting === 0) {
      this.#endLater({ reason: "cut", detail: "closed" });
      return;
    }
    this.#closeTimer = setTimeout(() => {
      this.#closeBy = undefined;
      this.#endNow({ reason: "cut", detail: "closed before all was sent" });
    }, lingerMs);
  }

  #connect(address: EngineAddress, mechanism: MechanismMaker): void {
    const to = address.transport === "ipc" ? { path: address.path } : { host: address.host, port: address.port };
    const socket = connect({ ...to, noDelay: true, allowHalfOpen: true });
    this.#socket = socket;
    const onError = (error: Error): void => {
      socket.destroy();
      if (this.#state !== "connecting") return;
      if (codeOf(error) === "EAGAIN")
        this.#retryTimer = setTimeout(() => this.#connect(address, mechanism), BUSY_RETRY_MS);
      else this.#endNow(isOutOfFiles(error) ? this.#failure(error) : this.#refusal(refusalOf(error)));
    };
    socket.on("error", onError);
    socket.once("connect", () => {
      if (this.#state !== "connecting") return;
      socket.off("error", onError);
      this.#state = "greeting";
      this.#connection = new ZmtpConnection(socket, "DEALER", mechanism, this.#outbox, this);
    });
  }

  // ---- What the connection says

  onReady(traffic: Traffic | undefined): void {
    const connection = this.#connection;
    if (this.#state !== "greeting" || connection === undefined) return;
    this.#deadline?.clear();
    this.#state = "open";
    this.#host.watch(connection, () => this.#endNow({ reason: "lost", detail: "the other side is silent" }));
    if (this.#closeBy === undefined) this.#handler.onOpen();
    this.#outbox.open(traffic);
    if (this.#state === "open" && this.#closeBy !== undefined) connection.part(this.#closeBy - performance.now());
  }

  onFrame(frame: Buffer): void {
    if (frame.byteLength > 0) {
      this.#handler.onFrame(frame);
      return;
    }
    this.#closeBy = undefined;
    this.#endNow({ reason: "lost", detail: "the other side ended the link" });
  }

  onSeveralFrames(): void {
    this.options.onDropped?.("a message of several parts", this.peer, 1);
    this.#endNow({ reason: "handshake", detail: SEVERAL_FRAMES });
  }

  onFlushed(): void {
    this.#endNow({ reason: "cut", detail: "closed" });
  }

  onBroken(error: Error | undefined): void {
    const wasOpen = this.#state === "open";
    if (error instanceof ZmtpError) {
      if (!wasOpen && (error.code === "denied" || error.code === "mechanism")) {
        this.#endNow(denial(this.peer, error.message));
        return;
      }
      if (!wasOpen) this.#endNow({ reason: "handshake", detail: `it does not speak our language: ${error.message}` });
      this.options.onDropped?.(`a connection that breaks the rules of ZMTP: ${error.message}`, this.peer, 1);
      this.#endNow({ reason: "lost", detail: `the other side broke a rule: ${error.message}` });
    } else if (wasOpen) this.#endNow({ reason: "lost", detail: `the other side is gone${because(error)}` });
    else {
      const hint = this.#connection?.isBeingJudged === true ? MAY_BE_DENIED : "";
      const detail = `it ended the connection before the handshake was done${because(error)}${hint}`;
      this.#endNow({ reason: "handshake", detail });
    }
  }

  onClosed(): void {
    this.#host.released(this);
  }

  // ---- Inside

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
    this.#deadline?.clear();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#closeTimer);
    if (wasOpen && this.#closeBy !== undefined) {
      // All was taken by the system: what is left is that the other side reads it. Where it parts already, this changes nothing.
      this.#connection?.part(this.#closeBy - performance.now());
      return true;
    }
    this.#outbox.close();
    if (this.#connection !== undefined) this.#connection.destroy();
    else {
      this.#socket?.destroy();
      this.#host.released(this);
    }
    return true;
  }

  #tooLate(): LinkEnd {
    const { handshakeMs } = this.options;
    if (this.#state === "connecting") return this.#refusal(`no connection within ${handshakeMs} ms`);
    return { reason: "handshake", detail: `it did not greet within ${handshakeMs} ms` };
  }

  #refusal(detail: string): LinkEnd {
    return { reason: "refused", detail, error: new ConnectError(`cannot connect to ${this.peer}: ${detail}`) };
  }

  #failure(cause: Error): LinkEnd {
    const detail = `cannot dial ${this.peer}: ${OUT_OF_FILES}`;
    return { reason: "failed", detail, error: new ConnectError(detail, { cause }) };
  }
}

const NOBODY: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOENT"]);

function refusalOf(error: Error): string {
  return NOBODY.has(codeOf(error)) ? "nobody listens there" : reasonOf(error);
}

function because(error: Error | undefined): string {
  return error === undefined ? "" : `: ${reasonOf(error)}`;
}
