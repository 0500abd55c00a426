/** A child process that is asked one thing at a time: one JSON line and its answer, over the child's file descriptor 3. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How long a child may take to end once it was hung up on; then it is killed. */
const END_WITHIN_MS = 12_000;

export class Peer {
  #child;
  #channel;
  #closed;
  /** Rejects when the process ends, however it does. */
  died;
  #lastWords = "";
  /** The question that waits for its answer, or undefined. */
  #asked;

  constructor(name, command, args) {
    this.name = name;
    // A process group of its own: a terminal's Ctrl-C reaches only the bench, which ends its children in order. Should the
    // bench die, the system closes descriptor 3, and they end by themselves.
    this.#child = spawn(command, args, { detached: true, stdio: ["ignore", "ignore", "pipe", "pipe"] });
    this.#channel = this.#child.stdio[3];
    this.#channel.on("error", () => {}); // the child is gone: `close` follows
    createInterface({ input: this.#channel }).on("line", (line) => {
      const message = JSON.parse(line);
      this.#settle(message.error === undefined ? undefined : new Error(`${name}: ${message.error}`), message);
    });
    this.#child.stderr.on("data", (chunk) => {
      this.#lastWords = (this.#lastWords + chunk).slice(-2_000);
    });
    this.#child.once("error", (error) => this.#settle(error));
    this.#closed = new Promise((resolve) => this.#child.once("close", resolve));
    void this.#closed.then(() => this.#settle(this.#ending()));
    this.died = this.#closed.then(() => Promise.reject(this.#ending()));
    this.died.catch(() => {}); // nobody need be waiting for it
  }

  /** Resolves with the child's first line, which it says when it is ready. */
  ready(withinMs) {
    return this.#answer("it was not ready", withinMs);
  }

  /** Resolves with the answer. A child that does not answer in time is killed: nobody knows what it is doing. */
  ask(message, withinMs) {
    const answered = this.#answer(`no answer to "${message.do}"`, withinMs);
    this.#channel.write(`${JSON.stringify(message)}\n`);
    return answered;
  }

  kill() {
    this.#child.kill("SIGKILL");
  }

  /** Resolves when the process is gone. */
  async end() {
    this.#channel.end();
    this.#channel.destroy();
    const timer = setTimeout(() => this.kill(), END_WITHIN_MS);
    if (this.#child.pid !== undefined) await this.#closed;
    clearTimeout(timer);
  }

  #answer(problem, withinMs) {
    return new Promise((resolve, reject) => {
      const { exitCode, signalCode } = this.#child;
      if (exitCode !== null || signalCode !== null) {
        reject(this.#ending());
        return;
      }
      const timer = setTimeout(() => {
        this.#settle(new Error(`${this.name}: ${problem} within ${withinMs / 1000} s`));
        this.kill();
      }, withinMs);
      this.#asked = { resolve, reject, timer };
    });
  }

  #settle(error, message) {
    if (this.#asked === undefined) return;
    const { resolve, reject, timer } = this.#asked;
    this.#asked = undefined;
    clearTimeout(timer);
    if (error === undefined) resolve(message);
    else reject(error);
  }

  #ending() {
    const { exitCode, signalCode } = this.#child;
    const lines = this.#lastWords.trim().split("\n");
    // Node says an uncaught error in the midst of its stack, Python at the end.
    const words = lines.findLast((line) => /^\w*Error\b.*: /.test(line)) ?? lines.at(-1);
    return new Error(
      `${this.name}: its process ended with ${signalCode ?? exitCode}${words ? ` (${words.trim()})` : ""}`,
    );
  }
}
