import type { EngineLink } from "../../src/engine/engine.js";

/** An engine's link that only keeps what it is given. */
export class FakeEngineLink implements EngineLink {
  readonly peer: string;
  readonly framesAreOwned = true;
  readonly bytesWaiting = 0;
  /** What was taken, as it is in memory now. */
  readonly frames: Uint8Array[] = [];
  /** What was taken, as it was then. */
  readonly copies: Buffer[] = [];
  /** How many more frames it takes. */
  room = Number.POSITIVE_INFINITY;
  cuts: string[] = [];
  closes: number[] = [];

  constructor(peer = "fake") {
    this.peer = peer;
  }

  send(frame: Uint8Array): boolean {
    if (this.room === 0) return false;
    this.room--;
    this.frames.push(frame);
    this.copies.push(Buffer.from(frame));
    return true;
  }

  cut(detail: string): void {
    this.cuts.push(detail);
  }

  close(lingerMs: number): void {
    this.closes.push(lingerMs);
  }
}
