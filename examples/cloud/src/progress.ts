/** Says on stderr how far it is: one line that changes on a terminal, a line every tenth elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #isLive: boolean;
  readonly #beganAt: number = performance.now();
  #isDrawn = false;
  #lastTenth = 0;
  #drawnAt = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#isLive = stream.isTTY === true && process.env["TERM"] !== "dumb";
  }

  say(text: string): void {
    this.end();
    this.#stream.write(`${text}\n`);
  }

  step(done: number, total: number): void {
    const seconds = ((performance.now() - this.#beganAt) / 1_000).toFixed(1);
    const text = `${done} of ${total} requests ended, ${seconds} s`;
    const tenth = Math.floor((10 * done) / total);
    if (!this.#isLive) {
      if (tenth > this.#lastTenth) this.#stream.write(`${text}\n`);
    } else if (performance.now() - this.#drawnAt > 50 || done === total) {
      const bar = "█".repeat(2 * tenth).padEnd(20, "░");
      this.#stream.write(`\r\u001b[2K${bar} ${text}`);
      this.#isDrawn = true;
      this.#drawnAt = performance.now();
    }
    this.#lastTenth = tenth;
  }

  /** Leaves what is drawn where it is; the next text begins on a new line. */
  end(): void {
    if (this.#isDrawn) this.#stream.write("\n");
    this.#isDrawn = false;
  }
}
