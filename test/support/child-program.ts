import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

export interface ChildProgramOptions {
  /** For Node, before the program. */
  readonly nodeArgs?: readonly string[];
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Message {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

const READY = 0;
const EXIT_WITHIN_MS = 30_000;

/** A program of `test/full/programs` in a process of its own: it is asked by name, and answers. Killed when the test is over. */
export class ChildProgram {
  readonly #process: ChildProcess;
  readonly #waiting: Map<number, Waiting> = new Map();
  #nextId = READY;
  #stderr = "";
  /** Resolves when the process is gone. */
  readonly ended: Promise<ProcessEnd>;

  private constructor(name: string, process: ChildProcess) {
    this.#process = process;
    process.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    process.on("message", (message) => this.#hear(message as Message));
    this.ended = once(process, "close").then(([code, signal]: unknown[]) => {
      const end = { code: code as number | null, signal: signal as string | null, stderr: this.#stderr };
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} ended: ${JSON.stringify(end)}`));
      this.#waiting.clear();
      return end;
    });
  }

  /** Resolves when the program says that it is ready. */
  static async start(name: string, config: object, options: ChildProgramOptions = {}): Promise<ChildProgram> {
    const file = fileURLToPath(new URL(`../full/programs/${name}.mjs`, import.meta.url));
    const process = fork(file, [JSON.stringify(config)], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [...(options.nodeArgs ?? [])],
      env: { ...globalThis.process.env, NODE_OPTIONS: "" },
    });
    const child = new ChildProgram(`${name} ${JSON.stringify(config)}`, process);
    onTestFinished(async () => {
      child.signal("SIGKILL");
      await child.ended;
    });
    await child.#answer(child.#nextId++);
    return child;
  }

  /** Resolves with what the program answers; rejects with its error, or when the process ends first. */
  ask<Result = unknown>(what: string, input: object = {}): Promise<Result> {
    const id = this.#nextId++;
    const answer = this.#answer(id);
    this.#process.send({ id, what, input }, (error) => {
      if (error !== null) this.#waiting.get(id)?.reject(error);
    });
    // The test knows what its program answers.
    return answer as Promise<Result>;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks it to close what it holds, and resolves when the process has ended: by itself, in time and in peace. */
  async finish(): Promise<void> {
    const overdue = setTimeout(() => this.signal("SIGKILL"), EXIT_WITHIN_MS);
    try {
      await this.ask("close");
      const { code, signal, stderr } = await this.ended;
      if (signal === "SIGKILL") throw new Error(`the process did not end by itself within ${EXIT_WITHIN_MS} ms`);
      if (code !== 0 || stderr !== "") throw new Error(`the process ended with ${code ?? signal}: ${stderr}`);
    } finally {
      clearTimeout(overdue);
    }
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
  }

  #hear({ id, result, error }: Message): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}
