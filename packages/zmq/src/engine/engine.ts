/**
 * What moves bytes: a small connection-oriented interface, so that libzmq and, later, ZMTP in TypeScript are
 * interchangeable and the driver above never knows which it has.
 *
 * A link is one connection in one direction of dialling: it is never re-made under the driver's feet (what was sent on it
 * can reach no other process), and its frames arrive whole and in order.
 */
import type { MessagingError } from "@trunkline/core/driver";
import type { Security } from "../security/security.js";

/** Why a link ended. Every link ends exactly once. */
export interface LinkEnd {
  /**
   * `refused`: the address has no listener (nothing was ever sent). `handshake`: there is a listener, and it did not speak in
   * time or not our language. `denied`: one side does not let the other in, or is not who the other trusts; `error` is an AuthError.
   * `lost`: the other side vanished. `silent`: nothing came for too long. `cut`: this side called
   * `cut` or `close`. `failed`: this side could not (too many open files, a bad address).
   */
  readonly reason: "refused" | "handshake" | "denied" | "lost" | "silent" | "cut" | "failed";
  readonly detail: string;
  readonly error?: MessagingError;
}

/** What the driver wants to hear of one link. Called synchronously by the engine, never from inside `send` or `cut`. */
export interface LinkHandler {
  /**
   * A dialled link is usable: frames sent from now on travel. Never called for an accepted link, which is usable when it is
   * accepted.
   */
  onOpen(): void;
  /** One frame. The bytes are the handler's for the call only, unless it copies them or `EngineLink.framesAreOwned`. */
  onFrame(frame: Uint8Array): void;
  /** After `send` returned false: there is room again. */
  onWritable(): void;
  onEnd(end: LinkEnd): void;
}

export interface EngineLink {
  /** The other side, for people and logs: an address or a routing id. */
  readonly peer: string;
  /** True where a received frame's bytes are never touched again by the engine. */
  readonly framesAreOwned: boolean;
  /** Bytes taken and not yet handed to the operating system, as far as the engine can know. */
  readonly bytesWaiting: number;
  /**
   * Hands over one frame, whose bytes are never written again by the caller. False: not taken; keep it, and offer it again at
   * `onWritable`. Never throws. After the link has ended it is ignored and returns true. A frame has at least one byte: an
   * empty one is ignored, for an engine may use it to say that a link ends.
   */
  send(frame: Uint8Array): boolean;
  /** Ends at once; what waits is dropped. `onEnd` follows with `cut`. Idempotent. */
  cut(detail: string): void;
  /** Ends when what was taken has been flushed, at the latest after `lingerMs`. `onEnd` follows with `cut`. Idempotent. */
  close(lingerMs: number): void;
}

export interface EngineListener {
  /** The address as bound, with the real port: what is published to peers. */
  readonly address: string;
  /** Unbinds and cuts all accepted links that are left. Idempotent. */
  close(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  /**
   * Binds and accepts. `accept` is called for each new peer and returns its handler.
   * @throws ListenError: the address is occupied, malformed, or may not be used.
   */
  listen(address: string, accept: (link: EngineLink) => LinkHandler): Promise<EngineListener>;
  /** Begins to connect and returns at once; `onOpen` or `onEnd` follows. */
  dial(address: string, handler: LinkHandler): EngineLink;
  /** Ends every link and listener, and frees the engine. Idempotent. */
  close(): Promise<void>;
}

export interface EngineOptions {
  /** The largest frame taken from a peer; a larger one ends its link, and harms no other. */
  readonly maxFrameBytes: number;
  /** How often a link is probed by the engine itself. */
  readonly heartbeatMs: number;
  /** A link that answers no probe for this long is `lost`. */
  readonly heartbeatTimeoutMs: number;
  /** How long a dialled peer may take to finish the handshake. */
  readonly handshakeMs: number;
  /** An accepted link without a frame for this long is `silent`, where the engine cannot see departures. */
  readonly silentMs: number;
  /** Whom to let in, and how to be let in. The engine's own: closing it wipes its secrets. @default everybody, and by everybody */
  readonly security?: Security | undefined;
  /**
   * Hears of input that was dropped before any link had it: noise on the port, frames of a link that was cut (F1). Called at
   * most once a second for each reason and listener, after the first time, with what was counted meanwhile.
   */
  onDropped?(reason: string, peer: string, count: number): void;
}
