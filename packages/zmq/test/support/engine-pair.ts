import type { EngineLink, LinkEnd, LinkHandler } from "../../src/engine/engine.js";

/**
 * Two ends of one connection in memory, with the promises of a real engine: frames arrive whole and in order, each handler
 * hears of one end, and nothing is called from inside `send`, `cut` or `close`. Nothing moves before the test says so.
 *
 * It is stricter than a real one: a frame is checked to be what it was when it was handed over, and its bytes are spoiled
 * once its handler has seen them.
 */
export class EnginePair {
  readonly dialer: PairLink = new PairLink("the dialer");
  readonly listener: PairLink = new PairLink("the listener");

  constructor() {
    this.dialer.other = this.listener;
    this.listener.other = this.dialer;
  }

  /** Attaches the handlers and opens the dialer's end. */
  open(dialer: LinkHandler, listener: LinkHandler): void {
    this.dialer.handler = dialer;
    this.listener.handler = listener;
    dialer.onOpen();
  }

  /** Moves what is under way until nothing is. Returns how many frames arrived. */
  deliver(): number {
    let moved = 0;
    for (let before = -1; before !== moved; ) {
      before = moved;
      moved += this.dialer.move() + this.listener.move();
    }
    return moved;
  }

  /** Lets ticks end and frames arrive, until all is quiet. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.deliver() === 0 ? quiet + 1 : 0;
    }
  }

  /** The connection breaks: what is under way is lost, and both sides hear of it. */
  break(reason: LinkEnd["reason"] = "lost", detail = "the connection broke"): void {
    this.dialer.end({ reason, detail });
    this.listener.end({ reason, detail });
  }
}

/** One end. What is sent on it waits until the pair moves it. */
export class PairLink implements EngineLink {
  readonly peer: string;
  readonly framesAreOwned = false;
  handler: LinkHandler | undefined;
  other: PairLink | undefined;
  /** How many more frames it takes. */
  room = Number.POSITIVE_INFINITY;
  /** Frames sent here stay under way. */
  isHeld = false;
  /** Each frame that has arrived at the other side. */
  readonly arrived: Buffer[] = [];
  hasEnded = false;
  #underWay: { readonly frame: Uint8Array; readonly copy: Buffer }[] = [];
  #ending: LinkEnd | undefined;
  #isClosing = false;
  #wasFull = false;

  constructor(peer: string) {
    this.peer = peer;
  }

  get bytesWaiting(): number {
    return this.#underWay.reduce((sum, { frame }) => sum + frame.length, 0);
  }

  /** How many frames are under way from here. */
  get underWay(): number {
    return this.#underWay.length;
  }

  send(frame: Uint8Array): boolean {
    if (this.hasEnded || this.#isClosing || this.#ending !== undefined || frame.length === 0) return true;
    if (this.room <= 0) {
      this.#wasFull = true;
      return false;
    }
    this.room--;
    this.#underWay.push({ frame, copy: Buffer.from(frame) });
    return true;
  }

  cut(detail: string): void {
    this.#ending ??= { reason: "cut", detail };
    this.#underWay = [];
  }

  close(_lingerMs: number): void {
    this.#isClosing = true;
  }

  /** There is room again, for all or for so many frames. */
  unchoke(room: number = Number.POSITIVE_INFINITY): void {
    this.room = room;
    if (!this.#wasFull || this.hasEnded) return;
    this.#wasFull = false;
    this.handler?.onWritable();
  }

  /** Moves the frames that are under way now, and ends the link where that is due. */
  move(): number {
    let moved = 0;
    while (!this.isHeld && this.moveOne()) moved++;
    const isFlushed = this.#isClosing && this.#underWay.length === 0;
    const end = this.#ending ?? (isFlushed ? ({ reason: "cut", detail: "closed" } as const) : undefined);
    if (end !== undefined && !this.hasEnded) {
      moved++;
      this.end(end);
      this.other?.end({ reason: "lost", detail: "the other side ended the link" });
    }
    return moved;
  }

  /** Moves one frame, held or not. False: none is under way. */
  moveOne(): boolean {
    const next = this.#ending === undefined ? this.#underWay.shift() : undefined;
    if (next === undefined) return false;
    if (!next.copy.equals(next.frame)) throw new Error("a frame was written again after it was handed over");
    this.arrived.push(next.copy);
    if (this.other?.hasEnded === false) {
      const frame = Buffer.from(next.copy);
      this.other.handler?.onFrame(frame);
      frame.fill(0xee);
    }
    return true;
  }

  end(end: LinkEnd): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#underWay = [];
    this.handler?.onEnd(end);
  }
}
