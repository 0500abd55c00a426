import type { Socket } from "node:net";
import type { BodyPool } from "../zmtp/body-pool.js";
import type { MechanismMaker, Traffic } from "../zmtp/mechanisms/mechanism.js";
import { type SessionPeer, type SessionSink, ZmtpSession } from "../zmtp/session.js";
import type { SocketType } from "../zmtp/socket-type.js";
import { ZmtpError } from "../zmtp/zmtp-error.js";
import type { EngineOptions } from "./engine.js";
import type { ZmtpOutbox } from "./zmtp-outbox.js";
import { Pulse } from "./zmtp-pulse.js";

/** No command that is known here is larger; metadata of many properties may be. */
const MAX_COMMAND_BYTES = 4 * 1024;
/** Messages of several frames are none of this protocol: they are read, within bounds, to be refused. */
const MAX_MESSAGE_FRAMES = 64;

/** Between two beats. They are small, and each costs as much as a message: without a bound a few peers keep this process busy with them. */
const MAX_COMMANDS = 2 * 1024;

/** What a connection tells its link. */
export interface ConnectionOwner {
  readonly options: EngineOptions;
  /** The engine's. */
  readonly bodies: BodyPool;
  /** @param traffic what its frames are sealed with. */
  onReady(traffic: Traffic | undefined): void;
  /** The bytes are the owner's for this call only. An empty one: the other side is done. */
  onFrame(frame: Buffer): void;
  onSeveralFrames(): void;
  /** All that was taken is with the operating system, after `part`. */
  onFlushed(): void;
  /** It is of no more use, by what the other side did or the system says. Undefined: the other side ended it. Not after `part`. */
  onBroken(error: Error | undefined): void;
  /** Nothing is left of the socket. The last that is told. */
  onClosed(): void;
}

/** One socket that speaks ZMTP, from its first byte to its last. */
export class ZmtpConnection implements SessionSink {
  readonly #socket: Socket;
  readonly #outbox: ZmtpOutbox;
  readonly #session: ZmtpSession;
  readonly #owner: ConnectionOwner;
  #pulse: Pulse | undefined;
  /** Since the last beat. */
  #commands = 0;
  #isParting = false;
  #isOver = false;
  #partingTimer: NodeJS.Timeout | undefined;
  /** How often something was read. */
  reads = 0;

  /** @param socket connected. */
  constructor(
    socket: Socket,
    socketType: SocketType,
    mechanism: MechanismMaker,
    outbox: ZmtpOutbox,
    owner: ConnectionOwner,
  ) {
    const { maxFrameBytes } = owner.options;
    this.#socket = socket;
    this.#outbox = outbox;
    this.#owner = owner;
    this.#session = new ZmtpSession(
      {
        socketType,
        mechanism,
        bodies: owner.bodies,
        bounds: {
          maxCommandBytes: MAX_COMMAND_BYTES,
          maxFrameBytes,
          maxMessageBytes: maxFrameBytes,
          maxMessageFrames: MAX_MESSAGE_FRAMES,
        },
      },
      this,
    );
    socket.on("data", this.#onData);
    socket.on("end", this.#onPeerEnd);
    socket.on("error", this.#onError);
    socket.on("finish", this.#onFinish);
    socket.on("close", this.#onClose);
    outbox.attach(socket);
    this.#session.start();
  }

  get isReady(): boolean {
    return this.#session.isReady;
  }

  /** Whether the other side, if it ends the connection now, may have done so because it does not let this one in. */
  get isBeingJudged(): boolean {
    return this.#session.isBeingJudged;
  }

  get hasRoom(): boolean {
    return this.#outbox.canTransmit;
  }

  /** Nothing is told of it any more but that it is closed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends what was taken, then that this side is done, and waits for the other side to have read it, at the latest for so long. */
  part(lingerMs: number): void {
    if (this.#isParting || this.#isOver) return;
    this.#isParting = true;
    this.#session.end();
    this.#partingTimer = setTimeout(() => this.destroy(), Math.max(0, lingerMs));
    this.#outbox.finish();
  }

  /** Ends at once. Nothing more is told but `onClosed`. Idempotent. */
  destroy(): void {
    this.#isOver = true;
    clearTimeout(this.#partingTimer);
    this.#outbox.close();
    this.#session.forget();
    this.#socket.destroy();
  }

  /** Asks for a sign of life where that is due. True: it owes one for too long, in what was read until now. */
  beat(now: number): boolean {
    this.#commands = 0;
    const due = this.#isParting || this.#isOver ? "nothing" : this.#pulse?.beat(now, this.reads, this.#outbox.writes);
    if (due === "ping") this.#session.ping(this.#owner.options.heartbeatTimeoutMs);
    return due === "doubt";
  }

  // ---- What the session says

  transmit(bytes: Buffer): void {
    // A peer that asks for more PONGs than it reads gets no more of them.
    this.#outbox.transmit(bytes);
  }

  onReady({ minor }: SessionPeer): void {
    const { options } = this.#owner;
    this.#pulse = new Pulse(options, minor > 0, performance.now());
    // ZMTP 3.0 has no PING: the kernel's own probes have to do.
    if (minor === 0) this.#socket.setKeepAlive(true, options.heartbeatTimeoutMs);
    this.#owner.onReady(this.#session.traffic);
  }

  onMessage(first: Buffer, rest: readonly Buffer[]): void {
    if (rest.length > 0) this.#owner.onSeveralFrames();
    else this.#owner.onFrame(first);
  }

  onCommand(): void {
    this.#commands += 1;
    if (this.#commands <= MAX_COMMANDS) return;
    throw new ZmtpError("command", `it sent more than ${MAX_COMMANDS} commands within half a heartbeat`);
  }

  onPing(ttlMs: number): void {
    if (this.#pulse !== undefined) this.#pulse.ttlMs = ttlMs;
  }

  // ---- What the socket says

  readonly #onData = (chunk: Buffer): void => {
    this.reads += 1;
    if (this.#isParting || this.#isOver) return;
    try {
      this.#session.receive(chunk);
    } catch (error) {
      if (!(error instanceof ZmtpError)) throw error;
      this.#break(error);
    }
  };

  readonly #onPeerEnd = (): void => {
    if (this.#isParting) this.#socket.destroySoon();
    else this.#break(undefined);
  };

  readonly #onError = (error: Error): void => {
    if (!this.#isParting) this.#break(error);
  };

  readonly #onFinish = (): void => {
    if (this.#isParting && !this.#isOver) this.#owner.onFlushed();
  };

  readonly #onClose = (): void => {
    clearTimeout(this.#partingTimer);
    this.#session.forget();
    // After an error while parting, and only there, nobody was told yet: what was not sent will not be.
    if (this.#isParting && !this.#isOver) this.#owner.onFlushed();
    this.#break(undefined);
    this.#owner.onClosed();
  };

  #break(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outbox.close();
    this.#session.forget();
    // What the session may have said last, its ERROR, goes out before the end.
    if (error instanceof ZmtpError) this.#socket.destroySoon();
    else this.#socket.destroy();
    if (!this.#isParting) this.#owner.onBroken(error);
  }
}
