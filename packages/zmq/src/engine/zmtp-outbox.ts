import type { Socket } from "node:net";
import { headerBytes, writeHeader } from "../zmtp/frames.js";
import { sealedBytes } from "../zmtp/mechanisms/curve-traffic.js";
import type { Traffic } from "../zmtp/mechanisms/mechanism.js";
import { END_MARK } from "./end-mark.js";

/** As much is taken beyond what the operating system takes, and one frame at least. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Where nothing can be written yet, so many frames wait. */
const MAX_WAITING_FRAMES = 1_024;
/** Commands that wait, PONGs mostly: written one by one, each takes a hundred times its bytes. */
const MAX_WAITING_COMMANDS = 256;
/** A turn that sends more than this does not wait for its end. */
const FLUSH_AT_BYTES = 256 * 1024;
const FLUSH_AT_FRAMES = 256;
/** Up to here a frame is copied behind its header: cheaper than a second piece for the kernel to gather. */
const COPY_BYTES = 16 * 1024;
const NO_FLAGS = 0;

/** The frames of one link on their way to its socket: those of one turn of the event loop leave together. */
export class ZmtpOutbox {
  readonly #onRoom: () => void;
  #socket: Socket | undefined;
  #traffic: Traffic | undefined;
  #frames: Uint8Array[] = [];
  #framesBytes = 0;
  #isOpen = false;
  #isFinished = false;
  #isClosed = false;
  #isScheduled = false;
  #refusedAnOffer = false;
  #waitingCommands = 0;
  /** How often something was written. */
  writes = 0;

  /** @param onRoom there is room again, after an offer was refused; never called from within `offer`. */
  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  get bytesWaiting(): number {
    return this.#isClosed ? 0 : this.#framesBytes + (this.#socket?.writableLength ?? 0);
  }

  /** Where `transmit` writes, and `offer` once it is open. */
  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on("drain", this.#tellRoom);
  }

  /** Whether `transmit` writes what it is given now: the other side reads. */
  get canTransmit(): boolean {
    const socket = this.#socket;
    if (socket === undefined || this.#isFinished || this.#isClosed) return false;
    return this.#waitingCommands < MAX_WAITING_COMMANDS && socket.writableLength <= MAX_WAITING_BYTES;
  }

  /** Writes bytes that are whole frames, before any frame that waits. False: too much waits already. */
  transmit(bytes: Uint8Array): boolean {
    if (!this.canTransmit) return false;
    this.writes += 1;
    this.#waitingCommands += 1;
    this.#socket?.write(bytes, this.#onCommandWritten);
    return true;
  }

  readonly #onCommandWritten = (): void => {
    this.#waitingCommands -= 1;
  };

  /** False: not taken; `onRoom` follows. */
  offer(frame: Uint8Array): boolean {
    if (this.#isFinished || this.#isClosed) return true;
    const waiting = this.bytesWaiting;
    if (
      (waiting > 0 && waiting + frame.byteLength > MAX_WAITING_BYTES) ||
      (!this.#isOpen && this.#frames.length >= MAX_WAITING_FRAMES)
    ) {
      this.#refusedAnOffer = true;
      return false;
    }
    this.#frames.push(frame);
    this.#framesBytes += frame.byteLength;
    if (!this.#isOpen) return true;
    if (this.#framesBytes >= FLUSH_AT_BYTES || this.#frames.length >= FLUSH_AT_FRAMES) this.#write();
    else this.#schedule();
    return true;
  }

  /** The handshake is done: what was taken until now goes out. @param traffic what seals each frame, as it is written. */
  open(traffic?: Traffic): void {
    if (this.#isOpen || this.#isClosed) return;
    this.#traffic = traffic;
    this.#isOpen = true;
    this.#flush();
  }

  /** Writes what waits, says that this side is done, and ends the socket's writing half. */
  finish(): void {
    if (this.#isFinished || this.#isClosed) return;
    this.#frames.push(END_MARK);
    this.#write();
    this.#isFinished = true;
    this.#socket?.end();
  }

  /** Drops what waits. */
  close(): void {
    this.#isClosed = true;
    this.#frames = [];
    this.#framesBytes = 0;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    this.#write();
    // Where the socket is full, its `drain` follows.
    if (this.#socket?.writableNeedDrain === false) this.#tellRoom();
  };

  readonly #tellRoom = (): void => {
    if (!this.#refusedAnOffer || this.#isFinished || this.#isClosed || !this.#isOpen) return;
    this.#refusedAnOffer = false;
    this.#onRoom();
  };

  #write(): void {
    const socket = this.#socket;
    const frames = this.#frames;
    if (socket === undefined || this.#isFinished || this.#isClosed || frames.length === 0) return;
    this.#frames = [];
    this.#framesBytes = 0;
    this.writes += 1;
    if (this.#traffic !== undefined) {
      socket.write(sealAll(this.#traffic, frames));
      return;
    }
    let room = 0;
    let isOnePiece = true;
    for (const { byteLength } of frames) {
      const isCopied = byteLength <= COPY_BYTES;
      room += headerBytes(byteLength) + (isCopied ? byteLength : 0);
      isOnePiece &&= isCopied;
    }
    const copied = Buffer.allocUnsafe(room);
    let from = 0;
    let to = 0;
    if (!isOnePiece) socket.cork();
    for (const frame of frames) {
      to = writeHeader(copied, to, NO_FLAGS, frame.byteLength);
      if (frame.byteLength <= COPY_BYTES) {
        copied.set(frame, to);
        to += frame.byteLength;
        continue;
      }
      socket.write(copied.subarray(from, to));
      socket.write(frame);
      from = to;
    }
    if (to > from) socket.write(copied.subarray(from, to));
    if (!isOnePiece) socket.uncork();
  }
}

/** In the order that they are written in: their nonces count. */
function sealAll(traffic: Traffic, frames: readonly Uint8Array[]): Buffer {
  let room = 0;
  for (const { byteLength } of frames) room += sealedBytes(traffic, byteLength);
  const sealed = Buffer.allocUnsafe(room);
  let at = 0;
  for (const frame of frames) at = traffic.seal(NO_FLAGS, frame, sealed, at);
  return sealed;
}
