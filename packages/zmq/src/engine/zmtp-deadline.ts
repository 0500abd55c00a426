/**
 * The time for a handshake. When it is over, what came meanwhile is read first: a process that hung itself must not blame the
 * other side. If something did come, there is as much time once more, and no third time.
 */
export class ZmtpDeadline {
  readonly #ms: number;
  readonly #progress: () => number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  #wasProlonged = false;

  /** @param progress a number that grows with what was heard. */
  constructor(ms: number, progress: () => number, onOver: () => void) {
    this.#ms = ms;
    this.#progress = progress;
    this.#onOver = onOver;
    this.#timer = setTimeout(this.#due, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #due = (): void => {
    const before = this.#progress();
    // Behind the next reading of sockets.
    setImmediate(() => {
      if (this.#timer === undefined) return;
      if (this.#wasProlonged || this.#progress() === before) {
        this.#timer = undefined;
        this.#onOver();
        return;
      }
      this.#wasProlonged = true;
      this.#timer = setTimeout(this.#due, this.#ms);
    });
  };
}
