/**
 * Python's pyzmq for tests, which is libzmq by another binding and of another release, in files that run in the projects `span` and
 * `full`:
 *
 *     withPyzmq("calls", { timeout: 30_000 }, () => {
 *       test("…", async () => {
 *         const python = new PythonProgram(ZMQ_PEER);
 *         await python.ask("serve", { … });
 *       });
 *     });
 *
 * Where it is missing, tests are skipped, and each file says so in one line, with their number. With `TRUNKLINE_REQUIRE=pyzmq` they
 * fail instead. `TRUNKLINE_PYZMQ_PYTHON` names the Python that has it.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, onTestFinished, TestRunner } from "vitest";

/** Debian's packages are those of its own Python, which a PATH may not lead to first. */
const PYTHONS: readonly string[] = ["/usr/bin/python3", "python3"];

function findPython(): string | undefined {
  const named = process.env["TRUNKLINE_PYZMQ_PYTHON"];
  const candidates = named === undefined || named === "" ? PYTHONS : [named];
  return candidates.find((python) => spawnSync(python, ["-c", "import zmq"]).status === 0);
}

const python = findPython();
const isRequired = (process.env["TRUNKLINE_REQUIRE"] ?? "").split(",").includes("pyzmq");
const MISSING = "there is no Python with pyzmq: npm run brokers -- install pyzmq, or Debian's python3-zmq";

/** The program that runs Python with pyzmq. Throws where there is none. */
export function pyzmqPython(): string {
  if (python === undefined) throw new Error(MISSING);
  return python;
}

/** `describe` for tests, listed in it directly, that need pyzmq. */
export function withPyzmq(name: string, options: { readonly timeout: number }, define: () => void): void {
  const canRun = isRequired || python !== undefined;
  describe.skipIf(!canRun)(name, options, () => {
    define();
    if (canRun) return;
    const skipped = TestRunner.getCurrentSuite().tasks.length;
    console.error(`\nNO PYZMQ: ${skipped} tests of "${name}" are skipped; npm run brokers -- install pyzmq\n`);
  });
}

/** Serves and calls as the example does, by JSON lines: `test/interop/zmq_peer.py` has the commands. */
export const ZMQ_PEER: string = fileURLToPath(new URL("../interop/zmq_peer.py", import.meta.url));

/** Bare sockets of pyzmq, by JSON lines: `test/interop/zmq_socket.py` has the commands. */
export const ZMQ_SOCKET: string = fileURLToPath(new URL("../interop/zmq_socket.py", import.meta.url));

/** What a command raised there. */
export class PythonRaised extends Error {
  readonly raised: Readonly<Record<string, unknown>>;

  constructor(what: string, raised: Readonly<Record<string, unknown>>) {
    super(`${what}: ${JSON.stringify(raised)}`);
    this.raised = raised;
  }
}

interface Asked {
  readonly what: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

const STDERR_KEPT = 8_000;

/** One Python process that takes commands as JSON lines. It is killed when the test has finished. */
export class PythonProgram {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #asked: Map<number, Asked> = new Map();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #stderr = "";
  #isOver = false;

  constructor(program: string) {
    this.#process = spawn(pyzmqPython(), [program], { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stdin.on("error", () => {}); // whoever asks hears that it has ended
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT);
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#hear(line));
    this.#exited = once(this.#process, "close").then(
      () => this.#ended(),
      () => this.#ended(),
    );
    onTestFinished(() => this.kill());
  }

  /** Resolves with its answer. @throws PythonRaised; Error where it ends before it has answered. */
  ask<Result = unknown>(what: string, input: object = {}): Promise<Result> {
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#isOver) reject(this.#over(what));
      else this.#asked.set(id, { what, resolve, reject });
    });
    if (!this.#isOver) this.#process.stdin.write(`${JSON.stringify({ ...input, id, do: what })}\n`);
    // The test knows what its peer answers.
    return answer as Promise<Result>;
  }

  /** What the command raises. @throws Error where it raises nothing. */
  async raises(what: string, input: object = {}): Promise<Readonly<Record<string, unknown>>> {
    let answer: unknown;
    try {
      answer = await this.ask(what, input);
    } catch (error) {
      if (error instanceof PythonRaised) return error.raised;
      throw error;
    }
    throw new Error(`Python raised nothing, and answered ${JSON.stringify(answer)}`);
  }

  /** SIGKILL: no connection is closed in peace. Resolves when it is gone. Idempotent. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  #hear(text: string): void {
    const line: { id: number; result?: unknown; raised?: Readonly<Record<string, unknown>> } = JSON.parse(text);
    const asked = this.#asked.get(line.id);
    this.#asked.delete(line.id);
    if (line.raised === undefined) asked?.resolve(line.result);
    else asked?.reject(new PythonRaised(asked.what, line.raised));
  }

  #ended(): void {
    this.#isOver = true;
    for (const { what, reject } of this.#asked.values()) reject(this.#over(what));
    this.#asked.clear();
  }

  #over(what: string): Error {
    return new Error(`the Python program has ended; it was asked: ${what}\n${this.#stderr}`);
  }
}
