import type { EngineLink, LinkEnd, LinkHandler } from "../../src/engine/engine.js";
import { until } from "./until.js";

/** A handler that keeps what it hears, and lets a test wait for it. */
export class LinkRecorder implements LinkHandler {
  readonly heard: string[] = [];
  readonly frames: Uint8Array[] = [];
  link: EngineLink | undefined;
  opened = 0;
  writable = 0;
  ends: LinkEnd[] = [];
  /** Frames that had come when the end came. */
  framesAtEnd = -1;
  onEachFrame: (frame: Uint8Array) => void = () => {};

  onOpen(): void {
    this.opened += 1;
    this.heard.push("open");
  }

  onFrame(frame: Uint8Array): void {
    this.frames.push(frame);
    this.onEachFrame(frame);
  }

  onWritable(): void {
    this.writable += 1;
  }

  onEnd(end: LinkEnd): void {
    this.framesAtEnd = this.frames.length;
    this.ends.push(end);
    this.heard.push(`end ${end.reason}`);
  }

  get texts(): string[] {
    return this.frames.map((frame) => Buffer.from(frame).toString());
  }

  async untilOpen(): Promise<void> {
    await until(() => this.opened > 0 || this.ends.length > 0, "the link opened");
    if (this.opened === 0) throw new Error(`the link ended: ${this.ends[0]?.detail}`);
  }

  async untilFrames(count: number, deadlineMs?: number): Promise<void> {
    await until(
      () => this.frames.length >= count,
      () => `${count} frames came (${this.frames.length} did)`,
      deadlineMs,
    );
  }

  async untilEnd(deadlineMs?: number): Promise<LinkEnd> {
    await until(() => this.ends.length > 0, "the link ended", deadlineMs);
    const end = this.ends[0];
    if (end === undefined) throw new Error("unreachable");
    return end;
  }
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
