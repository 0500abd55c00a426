import { MessageTooLargeError, type PayloadLimits, ValueWriter } from "@trunkline/core/driver";

const SLAB_BYTES = 64 * 1024;
/** A slab with less than this left is not begun on. */
const LEAST_BYTES = 512;

/** The size limit of a packed message, and who says so in errors. */
export interface PackedLimits {
  readonly maxMessageBytes: number;
  readonly driver: string;
}

/** Writes messages one after the other into slabs, of which each body is a part. */
export class Packer {
  readonly #writer: ValueWriter;
  readonly #maxBytes: number;
  #start = 0;

  constructor({ maxMessageBytes, driver }: PackedLimits) {
    this.#maxBytes = maxMessageBytes;
    const limits: PayloadLimits = { binary: true, bigint: true, date: true, driver };
    this.#writer = new ValueWriter({ ...limits, onFull: (writer, needed) => this.#grow(writer, needed) });
  }

  /**
   * The bytes that `write` writes.
   * @throws whatever `write` throws, and MessageTooLargeError; nothing is left of it then.
   */
  pack(write: (writer: ValueWriter) => void): Buffer {
    const writer = this.#writer;
    if (writer.bytes.length - writer.position < LEAST_BYTES) {
      writer.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
      writer.position = 0;
    }
    this.#start = writer.position;
    try {
      write(writer);
      if (writer.position - this.#start > this.#maxBytes) throw tooLarge(this.#maxBytes);
    } catch (error) {
      writer.position = this.#start;
      throw error;
    }
    return writer.bytes.subarray(this.#start, writer.position);
  }

  #grow(writer: ValueWriter, needed: number): void {
    const size = writer.position - this.#start;
    if (size + needed > this.#maxBytes + LEAST_BYTES) throw tooLarge(this.#maxBytes);
    const grown = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (size + needed)));
    writer.bytes.copy(grown, 0, this.#start, writer.position);
    writer.bytes = grown;
    writer.position = size;
    this.#start = 0;
  }
}

export function tooLarge(maxMessageBytes: number): MessageTooLargeError {
  return new MessageTooLargeError(
    `a message is larger than ${maxMessageBytes} bytes when encoded; send less, or raise maxMessageBytes on both sides`,
    maxMessageBytes,
  );
}
