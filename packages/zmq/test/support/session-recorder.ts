import {
  type SessionBounds,
  type SessionOptions,
  type SessionPeer,
  type SessionSink,
  ZmtpSession,
} from "../../src/zmtp/session.js";
import { ZmtpError } from "../../src/zmtp/zmtp-error.js";

export const TEST_BOUNDS: SessionBounds = {
  maxCommandBytes: 4_096,
  maxFrameBytes: 100_000,
  maxMessageBytes: 200_000,
  maxMessageFrames: 16,
};

/** A ROUTER's side of a session that keeps what it hears. */
export class SessionRecorder implements SessionSink {
  readonly session: ZmtpSession;
  readonly messages: Buffer[][] = [];
  readonly peers: SessionPeer[] = [];
  readonly pings: number[] = [];
  written: Buffer[] = [];
  error: ZmtpError | undefined;
  mostHeld = 0;
  onEachMessage: () => void = () => {};

  constructor(options: Partial<SessionOptions> = {}) {
    this.session = new ZmtpSession({ socketType: "ROUTER", bounds: TEST_BOUNDS, ...options }, this);
  }

  transmit(bytes: Buffer): void {
    this.written.push(bytes);
  }

  onReady(peer: SessionPeer): void {
    this.peers.push(peer);
  }

  onMessage(first: Buffer, rest: readonly Buffer[]): void {
    this.messages.push([first, ...rest]);
    this.onEachMessage();
  }

  onPing(ttlMs: number): void {
    this.pings.push(ttlMs);
  }

  /** Feeds the chunks until one is refused. Anything but a ZmtpError is thrown on. */
  feed(...chunks: readonly Uint8Array[]): this {
    return this.feedAll(chunks);
  }

  feedAll(chunks: Iterable<Uint8Array>): this {
    for (const chunk of chunks) {
      try {
        this.session.receive(Buffer.from(chunk));
      } catch (error) {
        if (!(error instanceof ZmtpError)) throw error;
        this.error ??= error;
      }
      this.mostHeld = Math.max(this.mostHeld, this.session.heldBytes);
    }
    return this;
  }

  /** What was heard, to be compared. */
  get told(): object {
    return {
      messages: this.messages.map((frames) => frames.map((frame) => frame.toString("latin1"))),
      peers: this.peers.map(({ minor, socketType, identity }) => [minor, socketType, identity.toString("latin1")]),
      pings: this.pings,
      written: Buffer.concat(this.written).toString("latin1"),
      error: this.error?.code,
    };
  }
}
