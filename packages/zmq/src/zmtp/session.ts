import {
  encodeCommand,
  encodeError,
  encodePong,
  encodeProperties,
  type Properties,
  readCommand,
  readErrorReason,
  readPing,
  readProperties,
} from "./commands.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { encodeGreeting, GreetingReader, type Minor } from "./greeting.js";
import { ZmtpError } from "./zmtp-error.js";

export type SocketType = "DEALER" | "ROUTER";

/** RFC 28, and the valid pairs of RFC 37. */
const TALKS_TO: Readonly<Record<SocketType, readonly string[]>> = {
  DEALER: ["REP", "DEALER", "ROUTER"],
  ROUTER: ["REQ", "DEALER", "ROUTER"],
};
const NULL_MECHANISM = "NULL";
const MAX_IDENTITY_BYTES = 255;
const NO_FRAMES: readonly Buffer[] = [];
const NO_IDENTITY: Buffer = Buffer.alloc(0);
const NO_MESSAGE_YET = -1;

/** What a peer may make this side hold. */
export interface SessionBounds {
  /** One command; before and after the handshake. */
  readonly maxCommandBytes: number;
  readonly maxFrameBytes: number;
  /** The frames of one message together. */
  readonly maxMessageBytes: number;
  readonly maxMessageFrames: number;
}

export interface SessionOptions {
  readonly socketType: SocketType;
  /** The highest version offered. @default 1 */
  readonly minor?: Minor;
  /** What a ROUTER is to know this side by. @default none, and the ROUTER chooses */
  readonly identity?: Uint8Array;
  readonly bounds: SessionBounds;
}

/** What a peer said of itself. */
export interface SessionPeer {
  readonly minor: Minor;
  readonly socketType: string;
  /** Empty where it has none. */
  readonly identity: Buffer;
}

export interface SessionSink {
  /** For the other side, before anything that is written later. */
  transmit(bytes: Buffer): void;
  onReady(peer: SessionPeer): void;
  /** A message of one frame, or of several. The bytes are not touched again. */
  onMessage(first: Buffer, rest: readonly Buffer[]): void;
  /** A ping was answered. @param ttlMs after so long without a word the peer is to be taken for dead; 0: never. */
  onPing(ttlMs: number): void;
}

/**
 * One side of a ZMTP connection with the NULL mechanism (RFC 37), without a socket: bytes come in by `receive`, whatever way they
 * were cut, and go out by the sink.
 */
export class ZmtpSession implements FrameSink {
  readonly #options: SessionOptions;
  readonly #sink: SessionSink;
  readonly #greeting: GreetingReader = new GreetingReader(NULL_MECHANISM);
  readonly #parser: FrameParser;
  readonly maxCommandBytes: number;
  /** Negative until the handshake is done. */
  maxFrameBytes: number = NO_MESSAGE_YET;
  #minor: Minor = 0;
  #isReady = false;
  #isEnded = false;
  /** Of a message whose last frame has not come; copies, since a slice would keep its whole chunk. */
  #frames: Buffer[] = [];
  #framesBytes = 0;

  constructor(options: SessionOptions, sink: SessionSink) {
    this.#options = options;
    this.#sink = sink;
    this.maxCommandBytes = options.bounds.maxCommandBytes;
    this.#parser = new FrameParser(this);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** True where nothing of the peer was read that it is to be blamed for. */
  get isGreeted(): boolean {
    return this.#greeting.isComplete;
  }

  /** What is held of messages and commands that are not complete. */
  get heldBytes(): number {
    return this.#parser.heldBytes + this.#framesBytes;
  }

  /** Says the greeting. */
  start(): void {
    this.#sink.transmit(encodeGreeting(this.#options.minor ?? 1, NULL_MECHANISM));
  }

  /** Nothing more is told to the sink. */
  end(): void {
    this.#isEnded = true;
    this.#frames = [];
    this.#framesBytes = 0;
    this.#parser.stop();
  }

  /**
   * Takes bytes of the peer. The sink hears of what is complete with them before this returns.
   * @throws ZmtpError: the peer broke a rule. Nothing more is taken.
   */
  receive(chunk: Buffer): void {
    if (this.#isEnded) return;
    try {
      if (this.#greeting.isComplete) this.#parser.push(chunk);
      else this.#greet(chunk);
    } catch (error) {
      this.end();
      throw error;
    }
  }

  #greet(chunk: Buffer): void {
    const taken = this.#greeting.push(chunk);
    if (!this.#greeting.isComplete) return;
    const { minor, socketType, identity = NO_IDENTITY } = this.#options;
    this.#minor = minor === 0 ? 0 : this.#greeting.minor;
    const properties: [string, Uint8Array][] = [["Socket-Type", Buffer.from(socketType)]];
    if (socketType === "DEALER") properties.push(["Identity", identity]);
    this.#sink.transmit(encodeCommand("READY", encodeProperties(properties)));
    if (taken < chunk.length) this.#parser.push(chunk.subarray(taken));
  }

  onCommand(body: Buffer): void {
    const { name, data } = readCommand(body);
    if (name === "ERROR") throw new ZmtpError("refused", `it refused the connection: ${readErrorReason(data)}`);
    if (!this.#isReady) {
      if (name !== "READY") throw new ZmtpError("handshake", "it sent another command before READY");
      this.#onReady(readProperties(data));
      return;
    }
    if (this.#frames.length > 0) throw new ZmtpError("command", "a command came between the frames of a message");
    if (name === "READY") throw new ZmtpError("command", "it said READY twice");
    // PONG was an answer by being heard; of an unknown name RFC 37 says nothing, and libzmq passes it over.
    if (name === "PING") this.#onPing(data);
  }

  onMessageFrame(body: Buffer, hasMore: boolean): void {
    if (!hasMore && this.#frames.length === 0) {
      this.#sink.onMessage(body, NO_FRAMES);
      return;
    }
    const { maxMessageFrames, maxMessageBytes } = this.#options.bounds;
    this.#framesBytes += body.length;
    if (this.#frames.length >= maxMessageFrames) {
      throw new ZmtpError("too-large", `a message has more than ${maxMessageFrames} frames`);
    }
    if (this.#framesBytes > maxMessageBytes) {
      throw new ZmtpError("too-large", `the frames of a message have more than ${maxMessageBytes} bytes`);
    }
    this.#frames.push(body.buffer.byteLength > body.length ? Buffer.from(body) : body);
    if (hasMore) return;
    const [first = NO_IDENTITY, ...rest] = this.#frames;
    this.#frames = [];
    this.#framesBytes = 0;
    this.#sink.onMessage(first, rest);
  }

  #onReady(properties: Properties): void {
    const socketType = properties.get("socket-type")?.toString("latin1") ?? "";
    if (!TALKS_TO[this.#options.socketType].includes(socketType)) {
      this.#sink.transmit(encodeError("Invalid socket type"));
      const said = socketType.replaceAll(/[^A-Z]/g, "").slice(0, 16);
      throw new ZmtpError("socket-type", `its socket is a ${said === "" ? "nameless one" : said}`);
    }
    const identity = properties.get("identity") ?? NO_IDENTITY;
    if (identity.length > MAX_IDENTITY_BYTES) throw new ZmtpError("handshake", "its identity is too long");
    this.#isReady = true;
    this.maxFrameBytes = this.#options.bounds.maxFrameBytes;
    this.#sink.onReady({ minor: this.#minor, socketType, identity: Buffer.from(identity) });
  }

  #onPing(data: Buffer): void {
    const { ttlMs, context } = readPing(data);
    this.#sink.transmit(encodePong(context));
    this.#sink.onPing(ttlMs);
  }
}
