import { type ChildProcess, fork } from "node:child_process";
import { ConformanceFailure } from "./check.js";
import type { WorkerSource } from "./harness.js";

/** What the parent asks of a worker process. */
export type WorkerCommand =
  | { readonly do: "open"; readonly url: string; readonly resolveFrom?: string; readonly timeoutMs: number }
  /** The server's method `hold` is entered and never left. */
  | { readonly do: "serve"; readonly topic: string; readonly server: string }
  /** With `isHeld` its handler is entered and never left. */
  | { readonly do: "listen"; readonly topic: string; readonly pool?: string; readonly isHeld?: boolean }
  | {
      readonly do: "send";
      readonly kind: "call" | "cast" | "fanout";
      /** @default `echo` for a call, else `note` */
      readonly method?: string;
      readonly topic: string;
      readonly server?: string;
      readonly params: Readonly<Record<string, string>>;
    }
  | { readonly do: "emit"; readonly topic: string; readonly payload: Readonly<Record<string, string>> }
  /** Answered when the worker's servers or listeners have begun to handle this id. */
  | { readonly do: "wait"; readonly id: string }
  /** The ids that this worker's servers and listeners handled so far. */
  | { readonly do: "seen" }
  /** Opens, serves, calls, stops and closes transports of its own, many times over, under load. */
  | { readonly do: "churn"; readonly topic: string }
  /** Lets go of the parent and closes nothing: what keeps the process alive from then on is its transport. */
  | { readonly do: "leave" }
  /** Ends the process at once, without closing. Never answered. */
  | { readonly do: "exit"; readonly code: number }
  /** Closes the transport, then the connection to the parent; after this the process must end by itself. */
  | { readonly do: "finish" };

/** A worker's answer to one command. */
export interface WorkerAnswer {
  readonly number: number;
  readonly ok: boolean;
  /** What the command resolved with, or the error's text. */
  readonly value: unknown;
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** A child process with one transport on the case's space, driven over IPC. */
export class Worker {
  /** Resolves when the transport in the child is open. */
  readonly ready: Promise<unknown>;
  /** Resolves when the process has ended; never rejects. */
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 0;

  constructor(source: WorkerSource, timeoutMs: number) {
    const child = fork(new URL("./worker.js", import.meta.url), [], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Flags of a test runner's own (loaders, inspectors) are none of the child's business.
      execArgv: [],
    });
    this.#child = child;
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        for (const waiter of this.#pending.values()) {
          waiter.reject(new ConformanceFailure(`the worker process ended (${code ?? signal}): ${stderr}`));
        }
        this.#pending.clear();
        resolve({ code, signal, stderr });
      });
    });
    child.on("message", (message) => {
      // Only worker.ts writes to this channel.
      const answer = message as WorkerAnswer;
      const waiter = this.#pending.get(answer.number);
      this.#pending.delete(answer.number);
      if (answer.ok) waiter?.resolve(answer.value);
      else waiter?.reject(new ConformanceFailure(`in the worker process: ${String(answer.value)}`));
    });
    this.ready = this.ask({
      do: "open",
      url: source.url,
      timeoutMs,
      ...(source.options?.resolveFrom === undefined ? {} : { resolveFrom: source.options.resolveFrom }),
    });
  }

  ask(command: WorkerCommand): Promise<unknown> {
    const number = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      this.#child.send({ number, command }, (error) => {
        if (error !== null) reject(new ConformanceFailure(`the worker process does not listen: ${error.message}`));
      });
    });
  }

  /** SIGSTOP: it hangs, and its connections stay, until somebody gives them up. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** SIGTERM, which the worker does nothing about. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  /** SIGKILL; harmless when it has ended. */
  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
  }
}
