import type { BodyPool } from "./body-pool.js";
import {
  encodeError,
  encodeProperties,
  type Properties,
  pingBody,
  pongBody,
  readCommand,
  readErrorReason,
  readPing,
} from "./commands.js";
import { FrameParser, type FrameSink } from "./frame-parser.js";
import { COMMAND, encodeFrame } from "./frames.js";
import { encodeGreeting, GreetingReader, type Minor } from "./greeting.js";
import { CURVE_COMMAND, CURVE_MORE, sealedBytes } from "./mechanisms/curve-traffic.js";
import {
  type Mechanism,
  type MechanismMaker,
  type MechanismSession,
  refusalOf,
  type Traffic,
} from "./mechanisms/mechanism.js";
import { NULL_MECHANISM } from "./mechanisms/null-mechanism.js";
import { type SocketType, TALKS_TO } from "./socket-type.js";
import { ZmtpError } from "./zmtp-error.js";

const MAX_IDENTITY_BYTES = 255;
const NO_FRAMES: readonly Buffer[] = [];
const NO_IDENTITY: Buffer = Buffer.alloc(0);
const NO_MESSAGE_YET = -1;
/** What libzmq says in the place of ERROR with PLAIN, length and all (4.3.5 and before). */
const ERROR_OF_LIBZMQ = "^RROR";

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
  /** @default NULL */
  readonly mechanism?: MechanismMaker;
  readonly bounds: SessionBounds;
  /** Where large frames are gathered. @default each has a buffer of its own */
  readonly bodies?: BodyPool;
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
  /** False: the other side does not read, and what may be left out is. @default true */
  readonly hasRoom?: boolean;
  onReady(peer: SessionPeer): void;
  /** A message of one frame, or of several. The bytes are not touched again; with a pool those of the last frame may be, after this call. */
  onMessage(first: Buffer, rest: readonly Buffer[]): void;
  /** One came that is no part of the handshake. @throws ZmtpError: it is one too many. */
  onCommand?(): void;
  /** A ping was answered. @param ttlMs after so long without a word the peer is to be taken for dead; 0: never. */
  onPing(ttlMs: number): void;
}

/**
 * One side of a ZMTP connection (RFC 37), without a socket: bytes come in by `receive`, whatever way they were cut, and go out by
 * the sink.
 */
export class ZmtpSession implements FrameSink, MechanismSession {
  readonly #options: SessionOptions;
  readonly #sink: SessionSink;
  readonly #mechanism: Mechanism;
  readonly #greeting: GreetingReader;
  readonly #parser: FrameParser;
  maxCommandBytes: number;
  /** Negative until the handshake is done. */
  maxFrameBytes: number = NO_MESSAGE_YET;
  #minor: Minor = 0;
  #peer: SessionPeer | undefined;
  #isReady = false;
  #isEnded = false;
  /** Of a message whose last frame has not come; copies, since a slice would keep its whole chunk. */
  #frames: Buffer[] = [];
  #framesBytes = 0;

  constructor(options: SessionOptions, sink: SessionSink) {
    const { mechanism = NULL_MECHANISM, bounds } = options;
    this.#options = options;
    this.#sink = sink;
    this.#mechanism = mechanism.make();
    this.#greeting = new GreetingReader(mechanism.name);
    this.maxCommandBytes = bounds.maxCommandBytes;
    this.#parser = new FrameParser(this, options.bodies);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** What frames must be sealed with; undefined: they go as they are. Only once it is ready. */
  get traffic(): Traffic | undefined {
    return this.#mechanism.traffic;
  }

  /** Whether the other side, if it ends the connection now, may have done so because it does not let this one in. */
  get isBeingJudged(): boolean {
    return !this.#isReady && this.#greeting.isComplete && this.#mechanism.isBeingJudged;
  }

  /** What is held of messages and commands that are not complete. */
  get heldBytes(): number {
    return this.#parser.heldBytes + this.#framesBytes;
  }

  get metadata(): Buffer {
    const { socketType, identity = NO_IDENTITY } = this.#options;
    const properties: [string, Uint8Array][] = [["Socket-Type", Buffer.from(socketType)]];
    if (socketType === "DEALER") properties.push(["Identity", identity]);
    return encodeProperties(properties);
  }

  /** Says the greeting. */
  start(): void {
    this.#sink.transmit(encodeGreeting(this.#options.minor ?? 1, this.#mechanism.name, this.#mechanism.asServer));
  }

  /** Only once it is ready. */
  ping(ttlMs: number): void {
    this.#say(pingBody(ttlMs));
  }

  /** Nothing more is told to the sink, and no secret is kept. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#frames = [];
    this.#framesBytes = 0;
    this.#parser.stop();
  }

  /** After the last frame was sealed. */
  forget(): void {
    this.end();
    this.#mechanism.end();
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
    this.#minor = this.#options.minor === 0 ? 0 : this.#greeting.minor;
    this.#mechanism.start(this);
    if (taken < chunk.length) this.#parser.push(chunk.subarray(taken));
  }

  // ---- What the parser cuts

  onCommand(body: Buffer): void {
    if (!this.#isReady) this.#onHandshake(body);
    else if (this.traffic === undefined) this.#onCommand(body);
    else this.#onSealed(this.traffic, body);
  }

  onMessageFrame(body: Buffer, hasMore: boolean): void {
    if (this.traffic === undefined) {
      this.#onFrame(body, hasMore);
      return;
    }
    if (hasMore) throw new ZmtpError("frame", "a MESSAGE of CURVE has more frames");
    this.#onSealed(this.traffic, body);
  }

  transmit(frame: Buffer): void {
    this.#sink.transmit(frame);
  }

  meet(properties: Properties): void {
    const socketType = properties.get("socket-type")?.toString("latin1") ?? "";
    if (!TALKS_TO[this.#options.socketType].includes(socketType)) {
      // With other mechanisms a client says no ERROR (RFC 26, "General Design").
      if (this.#mechanism.name === "NULL" || this.#mechanism.asServer)
        this.transmit(encodeError("Invalid socket type"));
      const said = socketType.replaceAll(/[^A-Z]/g, "").slice(0, 16);
      throw new ZmtpError("socket-type", `its socket is a ${said === "" ? "nameless one" : said}`);
    }
    const identity = properties.get("identity") ?? NO_IDENTITY;
    if (identity.length > MAX_IDENTITY_BYTES) throw new ZmtpError("handshake", "its identity is too long");
    this.#peer = { minor: this.#minor, socketType, identity: Buffer.from(identity) };
  }

  // ---- Inside

  #onHandshake(body: Buffer): void {
    if (this.#mechanism.name === "PLAIN" && body.toString("latin1", 0, ERROR_OF_LIBZMQ.length) === ERROR_OF_LIBZMQ) {
      throw refusalOf(this.#mechanism, readErrorReason(body.subarray(ERROR_OF_LIBZMQ.length)));
    }
    const { name, data } = readCommand(body);
    if (name === "ERROR") throw refusalOf(this.#mechanism, readErrorReason(data));
    if (!this.#mechanism.onCommand(name, data) || this.#peer === undefined) return;
    const { bounds } = this.#options;
    const overhead = this.traffic?.overheadBytes ?? 0;
    this.#isReady = true;
    this.maxFrameBytes = bounds.maxFrameBytes + overhead;
    // A MESSAGE may come in the frame of a command too: RFC 26 calls it one.
    if (overhead > 0) this.maxCommandBytes = this.maxFrameBytes;
    this.#sink.onReady(this.#peer);
  }

  #onSealed(traffic: Traffic, body: Buffer): void {
    const { flags, payload } = traffic.open(body);
    const { maxCommandBytes, maxFrameBytes } = this.#options.bounds;
    const isCommand = (flags & CURVE_COMMAND) !== 0;
    const bound = isCommand ? maxCommandBytes : maxFrameBytes;
    if (payload.length > bound) {
      const what = isCommand ? "command" : "frame";
      throw new ZmtpError("too-large", `it sent a ${what} of ${payload.length} bytes; the bound is ${bound}`);
    }
    if (isCommand) this.#onCommand(payload);
    else this.#onFrame(payload, (flags & CURVE_MORE) !== 0);
  }

  #onCommand(body: Buffer): void {
    this.#sink.onCommand?.();
    const { name, data } = readCommand(body);
    if (name === "ERROR") throw new ZmtpError("refused", `it refused the connection: ${readErrorReason(data)}`);
    if (this.#frames.length > 0) throw new ZmtpError("command", "a command came between the frames of a message");
    if (name === "READY") throw new ZmtpError("command", "it said READY twice");
    // PONG was an answer by being heard; of an unknown name RFC 37 says nothing, and libzmq passes it over.
    if (name === "PING") this.#onPing(data);
  }

  #onFrame(body: Buffer, hasMore: boolean): void {
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

  #onPing(data: Buffer): void {
    const { ttlMs, context } = readPing(data);
    this.#say(pongBody(context));
    this.#sink.onPing(ttlMs);
  }

  /** A command, once the handshake is done. Left out before it is sealed, and not behind that: what is sealed is counted. */
  #say(body: Buffer): void {
    const { traffic } = this;
    if (this.#sink.hasRoom === false) return;
    if (traffic === undefined) {
      this.#sink.transmit(encodeFrame(COMMAND, body));
      return;
    }
    const frame = Buffer.allocUnsafe(sealedBytes(traffic, body.length));
    traffic.seal(CURVE_COMMAND, body, frame, 0);
    this.#sink.transmit(frame);
  }
}
