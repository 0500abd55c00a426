import { codeOf } from "./native.js";

/** How much is taken beyond what libzmq takes: enough to keep it busy, little enough that the sender learns of a slow peer. */
const MAX_WAITING_FRAMES = 64;
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** A full pipe is mostly emptied within microseconds by libzmq's thread: so first by turns of the loop, then by timer. */
const QUICK_RETRIES = 4;
const MAX_RETRY_MS = 16;

/** What an outbox asks of its link. */
export interface OutboxOwner {
  /** Hands one frame to libzmq. May throw; the promise is settled within the turn of the loop. */
  transmit(frame: Uint8Array): Promise<void>;
  /** There is room again, after an offer was refused. */
  onRoom(): void;
  /** What was taken has all been handed on. */
  onFlushed(): void;
  /** libzmq refused a frame for good. */
  onFailed(error: unknown): void;
}

/**
 * The frames of one link on their way to libzmq, in order.
 *
 * libzmq says only by a rejection, a microtask later, that a pipe is full. So one frame at a time is handed over, and the
 * next only when that one was taken: a frame that was refused is offered again and none overtakes it.
 */
export class Outbox {
  readonly #owner: OutboxOwner;
  #state: "held" | "idle" | "sending" | "retrying" | "closed" = "held";
  #current: Uint8Array | undefined;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #refusedAnOffer = false;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(owner: OutboxOwner) {
    this.#owner = owner;
  }

  get bytesWaiting(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#current === undefined && this.#waiting.length === 0;
  }

  /** False: there is no room; `onRoom` follows. Never calls the owner back but for `transmit`. */
  offer(frame: Uint8Array): boolean {
    if (this.#state === "idle") {
      this.#bytes += frame.byteLength;
      this.#send(frame);
      return true;
    }
    if (this.#state === "closed") return true;
    if (
      this.#waiting.length >= MAX_WAITING_FRAMES ||
      (this.#bytes > 0 && this.#bytes + frame.byteLength > MAX_WAITING_BYTES)
    ) {
      this.#refusedAnOffer = true;
      return false;
    }
    this.#waiting.push(frame);
    this.#bytes += frame.byteLength;
    return true;
  }

  /** The link is up: what was taken until now goes out. */
  open(): void {
    if (this.#state !== "held") return;
    this.#state = "idle";
    this.#next();
  }

  /** Drops what waits. */
  close(): void {
    this.#state = "closed";
    clearTimeout(this.#timer);
    this.#current = undefined;
    this.#waiting = [];
    this.#bytes = 0;
  }

  #send(frame: Uint8Array): void {
    this.#state = "sending";
    this.#current = frame;
    try {
      this.#owner.transmit(frame).then(this.#onTaken, this.#onRefused);
    } catch (error) {
      // As late as a rejection: the owner must not hear of a failure from within its own send.
      queueMicrotask(() => this.#onRefused(error));
    }
  }

  #next(): void {
    const frame = this.#waiting.shift();
    if (frame !== undefined) this.#send(frame);
    else this.#owner.onFlushed();
  }

  readonly #onTaken = (): void => {
    if (this.#state !== "sending") return;
    this.#retries = 0;
    this.#bytes -= this.#current?.byteLength ?? 0;
    this.#current = undefined;
    this.#state = "idle";
    if (this.#waiting.length > 0) this.#next();
    else this.#owner.onFlushed();
    if (this.#refusedAnOffer && this.#waiting.length <= MAX_WAITING_FRAMES / 2) {
      this.#refusedAnOffer = false;
      this.#owner.onRoom();
    }
  };

  readonly #onRefused = (error: unknown): void => {
    if (this.#state !== "sending") return;
    if (codeOf(error) !== "EAGAIN") {
      this.close();
      this.#owner.onFailed(error);
      return;
    }
    this.#state = "retrying";
    this.#retries += 1;
    if (this.#retries <= QUICK_RETRIES) setImmediate(this.#retry);
    else this.#timer = setTimeout(this.#retry, Math.min(MAX_RETRY_MS, 2 ** (this.#retries - QUICK_RETRIES - 1)));
  };

  readonly #retry = (): void => {
    if (this.#state === "retrying" && this.#current !== undefined) this.#send(this.#current);
  };
}
