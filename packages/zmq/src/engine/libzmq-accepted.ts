import type { EngineLink, LinkEnd, LinkHandler } from "./engine.js";
import { codeOf, reasonOf } from "./native.js";
import { Outbox } from "./outbox.js";

/** What an accepted link needs of its listener. */
export interface AcceptedHost {
  transmit(routingId: Buffer, frame: Uint8Array): Promise<void>;
  /** The link flushed what it had, and wants the socket to keep it for so long if that is closed meanwhile. */
  lingerFor(lingerMs: number): void;
  /** The link has ended on this side; the peer may not know. */
  ended(link: AcceptedLink): void;
}

/** A peer of a ROUTER, known by the routing id that libzmq gave its connection. */
export class AcceptedLink implements EngineLink {
  readonly peer: string;
  readonly framesAreOwned = true;
  readonly routingId: Buffer;
  /** Sweeps since its last frame; only counted where libzmq does not tell who left. */
  quietSweeps = 0;
  readonly #host: AcceptedHost;
  readonly #outbox: Outbox;
  #handler: LinkHandler | undefined;
  #isEnded = false;
  #closeBy: number | undefined;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(host: AcceptedHost, routingId: Buffer) {
    this.#host = host;
    this.routingId = routingId;
    this.peer = `peer-${routingId.toString("hex")}`;
    this.#outbox = new Outbox({
      transmit: (frame) => host.transmit(routingId, frame),
      onRoom: () => {
        if (!this.#isEnded) this.#handler?.onWritable();
      },
      onFlushed: () => {
        if (this.#closeBy !== undefined) this.end({ reason: "cut", detail: "closed" });
      },
      onFailed: (error) => {
        if (codeOf(error) === "EHOSTUNREACH") this.end({ reason: "lost", detail: "the other side is gone" });
        else this.end({ reason: "failed", detail: `cannot send to ${this.peer}: ${reasonOf(error)}` });
      },
    });
    this.#outbox.open();
  }

  get bytesWaiting(): number {
    return this.#outbox.bytesWaiting;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** From now on what happens to the link is told to `handler`. */
  attach(handler: LinkHandler): void {
    this.#handler = handler;
  }

  receive(frame: Uint8Array): void {
    this.#handler?.onFrame(frame);
  }

  send(frame: Uint8Array): boolean {
    if (this.#isEnded || this.#closeBy !== undefined || frame.byteLength === 0) return true;
    return this.#outbox.offer(frame);
  }

  cut(detail: string): void {
    this.#endLater({ reason: "cut", detail });
  }

  close(lingerMs: number): void {
    if (this.#isEnded || this.#closeBy !== undefined) return;
    this.#closeBy = performance.now() + lingerMs;
    this.#host.lingerFor(lingerMs);
    if (this.#outbox.isEmpty) {
      this.#endLater({ reason: "cut", detail: "closed" });
      return;
    }
    this.#closeTimer = setTimeout(() => this.end({ reason: "cut", detail: "closed before all was sent" }), lingerMs);
  }

  /** Ends and tells the handler at once. Idempotent. */
  end(end: LinkEnd): void {
    if (this.#release()) this.#handler?.onEnd(end);
  }

  #endLater(end: LinkEnd): void {
    if (this.#release()) queueMicrotask(() => this.#handler?.onEnd(end));
  }

  #release(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    clearTimeout(this.#closeTimer);
    this.#outbox.close();
    this.#host.ended(this);
    return true;
  }
}
