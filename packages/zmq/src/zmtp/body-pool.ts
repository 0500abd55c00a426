/** Smaller bodies are not worth it. */
export const LEAST_POOLED_BYTES: number = 16 * 1024;
/** Larger ones are not kept. */
const MOST_POOLED_BYTES = 4 * 1024 * 1024;
/** All of them together. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_BUFFERS = 32;
const STEP_BYTES = 64 * 1024;

/**
 * Buffers in which large bodies were gathered, for those that come next.
 *
 * Each megabyte that is allocated outside of V8's heap brings its next garbage collection nearer, which costs more than to fill the
 * megabyte; and pages that are new must be cleared first. What is kept is bounded, whatever peers send.
 */
export class BodyPool {
  /** The one that was given last is the last. */
  #free: Buffer[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** The smallest buffer with room for so many bytes, if there is one; the caller's until it is given back. */
  take(bytes: number): Buffer | undefined {
    if (bytes < LEAST_POOLED_BYTES || bytes > MOST_POOLED_BYTES) return undefined;
    let best: Buffer | undefined;
    for (const buffer of this.#free) {
      if (buffer.length >= bytes && (best === undefined || buffer.length < best.length)) best = buffer;
    }
    if (best === undefined) return undefined;
    this.#free.splice(this.#free.indexOf(best), 1);
    this.#bytes -= best.length;
    return best;
  }

  /** @param buffer whole, and used by nobody any more. */
  give(buffer: Buffer): void {
    if (buffer.length < LEAST_POOLED_BYTES || buffer.length > MOST_POOLED_BYTES) return;
    this.#free.push(buffer);
    this.#bytes += buffer.length;
    while (this.#bytes > MOST_BYTES || this.#free.length > MOST_BUFFERS) this.#bytes -= this.#free.shift()?.length ?? 0;
  }
}

/** So many bytes are to be reserved for a body of that size: those that are about as large fit into the same buffers. */
export function pooledRoom(bytes: number): number {
  if (bytes < LEAST_POOLED_BYTES || bytes > MOST_POOLED_BYTES) return bytes;
  return Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
}
