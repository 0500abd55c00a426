import { printable } from "./json/printable.js";

/** One of the two streams that a command writes to, as far as it is needed here. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** Results go to stdout as JSON, everything else to stderr. */
export class Terminal {
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  readonly #readerGone: AbortController = new AbortController();
  /** Whether stderr may be coloured: it is a terminal, and NO_COLOR is not set. */
  readonly hasColor: boolean;
  /** Whether stderr is a terminal, so that a line can be drawn again. */
  readonly isLive: boolean;

  constructor(stdout: Stream, stderr: Stream, env: NodeJS.ProcessEnv) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.isLive = stderr.isTTY === true && env["TERM"] !== "dumb";
    // https://no-color.org: present and not empty.
    this.hasColor = this.isLive && (env["NO_COLOR"] ?? "") === "";
    for (const stream of [stdout, stderr]) {
      stream.on("error", (error) => {
        // The reader of a pipe has had enough (`| head -1`): no fault. Any other failure to write also ends the output.
        if (stream === stdout) this.#readerGone.abort(error);
      });
    }
  }

  /** Whether a person reads stdout: it is a terminal. */
  get isRead(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Fires when nobody reads stdout any more. */
  get readerGone(): AbortSignal {
    return this.#readerGone.signal;
  }

  /** The width to draw in; some terminals say 0 where they do not know. */
  get columns(): number {
    const columns = this.#stderr.columns ?? 0;
    return columns > 0 ? columns : 80;
  }

  /** One JSON value and a line feed; on a terminal indented. Resolves when it is written, or nobody reads. */
  result(value: unknown): Promise<void> {
    const indent = this.#stdout.isTTY === true ? 2 : undefined;
    return this.#write(this.#stdout, `${JSON.stringify(printable(value), undefined, indent)}\n`);
  }

  /** One JSON value on one line, wherever it goes. */
  resultLine(value: unknown): Promise<void> {
    return this.#write(this.#stdout, `${JSON.stringify(printable(value))}\n`);
  }

  /** Text that was asked for, such as `--help`. */
  text(text: string): Promise<void> {
    return this.#write(this.#stdout, `${text}\n`);
  }

  /** One line or more for the person. */
  say(text: string): void {
    void this.#write(this.#stderr, `${text}\n`);
  }

  /** Draws over the line that was last drawn; only where {@link isLive}. An empty text clears it. */
  redraw(text: string): void {
    void this.#write(this.#stderr, `\r\u001b[2K${text.slice(0, Math.max(0, this.columns - 1))}`);
  }

  paint(text: string, style: "red" | "green" | "yellow" | "dim"): string {
    if (!this.hasColor) return text;
    const code = { red: 31, green: 32, yellow: 33, dim: 2 }[style];
    return `\u001b[${code}m${text}\u001b[0m`;
  }

  #write(stream: Stream, text: string): Promise<void> {
    return new Promise((resolve) => {
      // A failed write is the stream's `error` event; whoever waits for it only needs to go on.
      stream.write(text, () => resolve());
    });
  }
}
