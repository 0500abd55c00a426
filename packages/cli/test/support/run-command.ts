import { runProgram } from "../../src/program.js";
import type { EndingSignal } from "../../src/surroundings.js";
import { type Stream, Terminal } from "../../src/terminal.js";

/** A stream that keeps what is written, and tells who waits for it. */
export class RecordingStream implements Stream {
  readonly isTTY: boolean;
  text = "";
  readonly #listeners = new Set<() => void>();
  readonly #onError: ((error: NodeJS.ErrnoException) => void)[] = [];

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string, done: (error?: Error | null) => void): boolean {
    this.text += text;
    queueMicrotask(() => done());
    for (const listener of [...this.#listeners]) listener();
    return true;
  }

  on(_event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown {
    this.#onError.push(listener);
    return this;
  }

  /** As a pipe whose reader has gone. */
  breakPipe(): void {
    for (const listener of this.#onError) listener(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  }

  /** Resolves once what was written satisfies. The test's own time limit is the deadline. */
  until(fits: (text: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!fits(this.text)) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

/** A command line that runs in this process, so that `fake://` is one bus. */
export class RunningCommand {
  readonly stdout: RecordingStream;
  readonly stderr = new RecordingStream();
  readonly exitCode: Promise<number>;
  readonly #interruption = new AbortController();

  constructor(words: readonly string[], options: { readonly isTTY?: boolean } = {}) {
    this.stdout = new RecordingStream(options.isTTY === true);
    const terminal = new Terminal(this.stdout, this.stderr, {});
    this.exitCode = runProgram(words, { terminal, interrupted: this.#interruption.signal });
  }

  /** Resolves at the line `ready`. Rejects where the command ends before. */
  async ready(): Promise<this> {
    const ended = this.exitCode.then((exitCode) => {
      throw new Error(`ended with ${exitCode} before it was ready: ${this.stderr.text}`);
    });
    await Promise.race([this.stderr.until((text) => /^ready$/m.test(text)), ended]);
    return this;
  }

  interrupt(signal: EndingSignal = "SIGTERM"): Promise<number> {
    this.#interruption.abort(signal);
    return this.exitCode;
  }
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line to its end. */
export async function run(...words: string[]): Promise<Ended> {
  const command = new RunningCommand(words);
  const exitCode = await command.exitCode;
  return { exitCode, stdout: command.stdout.text, stderr: command.stderr.text };
}

/** The one JSON value on stdout of a command that must succeed. */
export async function resultOf(...words: string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run(...words);
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout);
}
