const KEPT_BYTES = 64 * 1024;

/** The last 64 KiB of what a program printed, for error messages. */
export class OutputTail {
  #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // Joined only now and then: a program that prints byte by byte must not cost a copy of all for each.
    if (this.#bytes <= 2 * KEPT_BYTES) return;
    this.#chunks = [this.#tail()];
    this.#bytes = KEPT_BYTES;
  }

  get text(): string {
    return this.#tail().toString();
  }

  /** The last lines, at most `count` of them, without the empty ones at the end. */
  lines(count: number): string {
    return this.text.trimEnd().split("\n").slice(-count).join("\n");
  }

  #tail(): Buffer {
    return Buffer.concat(this.#chunks).subarray(-KEPT_BYTES);
  }
}
