import { MessageTooLargeError, type SentShapes, ValueWriter } from "@trunkline/core/driver";
import type { EngineLink } from "../engine/engine.js";
import { writeShape } from "../wire/shapes.js";
import type { Tick } from "./tick.js";

/** A batch leaves early when it is this large: more would make a convoy in which only one process works at a time. */
const BATCH_BYTES = 64 * 1024;
const BATCH_RECORDS = 128;
/** A link begins with a small slab; one that sends more gets large ones. */
const FIRST_SLAB_BYTES = 4 * 1024;
const SLAB_BYTES = 64 * 1024;
/** A large string or byte array has an eighth of its size behind it, for what comes after it. Memory that is not used is paid for in garbage collections. */
const SPARE_SHIFT = 3;
/** A slab with less room than this is not begun upon again. */
const SLAB_REST_BYTES = 2 * 1024;
/** More than any header, and more than any failure that core makes itself. */
export const HEADER_BYTES: number = 2 * 1024;

const NO_BODY = -1;

const EMPTY: Buffer = Buffer.alloc(0);

/** A frame that the engine has not taken. */
interface Unsent {
  readonly bytes: Uint8Array;
  /** The sequence of the last numbered record in it or before it. */
  readonly through: number;
}

export interface OutboxOwner {
  /** Writes what is to travel with every batch: marks and grants. Called once a tick, before the batch leaves. */
  beforeFlush(): void;
}

/**
 * The sending half of a link: records are written one behind the other into a slab, and leave as one frame at the end of
 * the tick.
 *
 * A slab is filled from front to back, and bytes that were handed to the engine are never written again: it may still be
 * reading them. A record that fails half-way is rolled back and leaves no trace.
 */
export class Outbox {
  readonly writer: ValueWriter;
  /** How many numbered records were written. */
  sequence = 0;
  /** How many of them are in frames that the engine took: what lies beyond was certainly never sent. */
  handedOver = 0;
  /** The largest record; lowered to what the other side takes. */
  maxMessageBytes: number;
  /** The engine has no room. What can wait elsewhere should. */
  isChoked = false;
  /** The session's shapes of objects, where both sides agreed on them. */
  shapes: SentShapes | undefined = undefined;
  framesSent = 0;
  bytesSent = 0;
  #engineLink: EngineLink | undefined;
  readonly #tick: Tick;
  readonly #owner: OutboxOwner;
  #recordStart = 0;
  /** How long the record's header is; what follows is the message, to which the limit applies (D4). */
  #headerBytes = NO_BODY;
  #frameStart = 0;
  #records = 0;
  #nextSlabBytes = FIRST_SLAB_BYTES;
  #isScheduled = false;
  #unsent: Unsent[] = [];

  constructor(tick: Tick, owner: OutboxOwner, maxMessageBytes: number) {
    this.#tick = tick;
    this.#owner = owner;
    this.maxMessageBytes = maxMessageBytes;
    this.writer = new ValueWriter({ driver: "zmq", onFull: (_, needed) => this.#makeRoom(needed) });
  }

  /** How many frames wait for room in the engine. */
  get unsentFrames(): number {
    return this.#unsent.length;
  }

  connect(engineLink: EngineLink): void {
    this.#engineLink = engineLink;
  }

  /** Begins a record. It ends with `commit`, or with `rollback` when writing it threw. */
  begin(): ValueWriter {
    const writer = this.writer;
    this.#recordStart = writer.position;
    this.#headerBytes = NO_BODY;
    writer.shapes = undefined;
    writer.savedBytes = 0;
    return writer;
  }

  /** As {@link begin}, for a record whose values are written for this session alone: objects may go by their shapes. */
  beginShaped(): ValueWriter {
    const { shapes } = this;
    if (shapes?.isDue === true) {
      for (const keys of shapes.take()) {
        writeShape(this.begin(), keys);
        this.commit();
      }
    }
    const writer = this.begin();
    writer.shapes = shapes;
    return writer;
  }

  /**
   * The record's header is written, and the message itself follows. What has no body is not bounded: marks, which are small,
   * and what goes back to where it came from.
   *
   * @param headerBytes how much of the record is no message.
   */
  beginBody(headerBytes: number = this.writer.position - this.#recordStart): void {
    this.#headerBytes = headerBytes;
  }

  /**
   * @param isNumbered whether both sides count the record.
   * @throws MessageTooLargeError: the record is rolled back.
   */
  commit(isNumbered = false): void {
    const position = this.writer.position;
    // What a message may have is what it has in the plain form: a limit that depends on what was sent before would be none.
    const bytes = position - this.#recordStart - this.#headerBytes + this.writer.savedBytes;
    if (this.#headerBytes !== NO_BODY && bytes > this.maxMessageBytes) {
      this.rollback();
      throw this.#tooLarge();
    }
    if (isNumbered) this.sequence++;
    this.#records++;
    this.schedule();
    if (this.#records >= BATCH_RECORDS || position - this.#frameStart >= BATCH_BYTES) this.#cut(position);
  }

  rollback(): void {
    this.writer.position = this.#recordStart;
  }

  /** Makes sure that `flush` runs when the tick ends. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#tick.schedule(this);
  }

  /** Sends what was written. */
  flush(): void {
    this.#isScheduled = true; // what the owner writes now goes into this same batch
    this.#owner.beforeFlush();
    this.#isScheduled = false;
    this.#cut(this.writer.position);
  }

  /** The engine has room again. True when nothing waits any more. */
  drain(): boolean {
    const engineLink = this.#engineLink;
    if (engineLink === undefined) return false;
    let sent = 0;
    for (const frame of this.#unsent) {
      if (!engineLink.send(frame.bytes)) break;
      this.#count(frame.bytes, frame.through);
      sent++;
    }
    if (sent > 0) this.#unsent = this.#unsent.slice(sent);
    this.isChoked = this.#unsent.length > 0;
    return !this.isChoked;
  }

  /** Takes back, in order, the frames that the engine never took, and what was not yet a frame. For a link that has ended. */
  takeUnsent(): readonly Uint8Array[] {
    const frames = this.#unsent.map((frame) => frame.bytes);
    if (this.writer.position > this.#frameStart) {
      frames.push(this.writer.bytes.subarray(this.#frameStart, this.writer.position));
    }
    this.#unsent = [];
    this.#dropSlab();
    return frames;
  }

  /** Gives the slab back: the next record begins a new one. */
  #dropSlab(): void {
    this.writer.bytes = EMPTY;
    this.writer.position = 0;
    this.#frameStart = 0;
    this.#records = 0;
  }

  /** Ends the batch at `end`, which is the end of a record. */
  #cut(end: number): void {
    if (end > this.#frameStart) {
      const frame = this.writer.bytes.subarray(this.#frameStart, end);
      this.#frameStart = end;
      this.#send(frame);
    }
    this.#records = 0;
    // Only between records: within one, what was written of it must stay.
    if (end !== this.writer.position) return;
    const { length } = this.writer.bytes;
    // The buffer of one large record is not kept for the small ones behind it.
    if (length - end < SLAB_REST_BYTES || length > SLAB_BYTES) this.#dropSlab();
  }

  #send(frame: Uint8Array): void {
    const engineLink = this.#engineLink;
    if (this.#unsent.length === 0 && engineLink?.send(frame) === true) {
      this.#count(frame, this.sequence);
      return;
    }
    this.#unsent.push({ bytes: frame, through: this.sequence });
    this.isChoked = true;
  }

  #count(frame: Uint8Array, through: number): void {
    this.handedOver = through;
    this.framesSent++;
    this.bytesSent += frame.length;
  }

  #makeRoom(needed: number): void {
    const writer = this.writer;
    const partial = writer.position - this.#recordStart;
    const wanted = partial + needed;
    if (this.#headerBytes !== NO_BODY && wanted > this.maxMessageBytes + HEADER_BYTES) {
      this.rollback();
      throw this.#tooLarge();
    }
    const from = this.#recordStart;
    const old = writer.bytes;
    this.#cutBefore(from);
    // A record that outgrows a slab gets a buffer of its own, which doubles what was written, and travels alone.
    const own = Math.max(SLAB_BYTES, partial * 2, wanted + (wanted >>> SPARE_SHIFT));
    const size = wanted <= this.#nextSlabBytes ? this.#nextSlabBytes : own;
    const fresh = Buffer.allocUnsafeSlow(size);
    old.copy(fresh, 0, from, from + partial);
    writer.bytes = fresh;
    writer.position = partial;
    this.#recordStart = 0;
    this.#frameStart = 0;
    // Behind a large record comes another, more often than not, and its header needs no large slab.
    this.#nextSlabBytes = size > SLAB_BYTES ? FIRST_SLAB_BYTES : SLAB_BYTES;
  }

  #cutBefore(recordStart: number): void {
    if (recordStart === this.#frameStart) return;
    this.#send(this.writer.bytes.subarray(this.#frameStart, recordStart));
    this.#frameStart = recordStart;
    this.#records = 0;
  }

  #tooLarge(): MessageTooLargeError {
    return new MessageTooLargeError(
      `a message is larger than ${this.maxMessageBytes} bytes when encoded; send less, or raise maxMessageBytes on both sides`,
      this.maxMessageBytes,
    );
  }
}
