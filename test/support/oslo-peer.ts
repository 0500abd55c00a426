/**
 * Python's oslo.messaging for tests, in files that run in the projects `span` and `full`:
 *
 *     interop("calls", { timeout: 30_000 }, () => {
 *       test("…", async () => {
 *         const peer = await OsloPeer.start();
 *         await peer.ask("open", { name: "main", url });
 *       });
 *     });
 *
 * What it can be asked for is in `test/interop/peer.py`. It needs a RabbitMQ of the run's own too. Where either is missing, tests
 * are skipped, and each file says so in one line, with their number. With `TRUNKLINE_REQUIRE=oslo` they fail instead.
 * `TRUNKLINE_OSLO_PYTHON` names the Python that has it.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { until } from "@trunkline/core/testing";
import { describe, TestRunner } from "vitest";
import { hasRabbitControl } from "./rabbit.js";

/** Debian's packages are those of its own Python, which a PATH may not lead to first. */
const PYTHONS: readonly string[] = ["/usr/bin/python3", "python3"];
const HAS_IT = "from importlib import metadata; metadata.version('oslo.messaging')";
const PROGRAM = fileURLToPath(new URL("../interop/peer.py", import.meta.url));

function findPython(): string | undefined {
  const named = process.env["TRUNKLINE_OSLO_PYTHON"];
  const candidates = named === undefined || named === "" ? PYTHONS : [named];
  return candidates.find((python) => spawnSync(python, ["-c", HAS_IT]).status === 0);
}

const python = findPython();
const isRequired = (process.env["TRUNKLINE_REQUIRE"] ?? "").split(",").includes("oslo");
const MISSING = "there is no Python with oslo.messaging: install Debian's python3-oslo.messaging";

/** False where tests that need both oslo.messaging and a RabbitMQ that can be asked are to be skipped. */
export const canInteroperate: boolean = isRequired || (python !== undefined && hasRabbitControl);

/** The program that runs Python with oslo.messaging. Throws where there is none. */
export function osloPython(): string {
  if (python === undefined) throw new Error(MISSING);
  return python;
}

/** `describe` for tests, listed in it directly, that need the peer. */
export function interop(name: string, options: { readonly timeout: number }, define: () => void): void {
  describe.skipIf(!canInteroperate)(name, options, () => {
    define();
    if (canInteroperate) return;
    const missing = python === undefined ? "OSLO.MESSAGING" : "RABBITMQ OF OUR OWN";
    const skipped = TestRunner.getCurrentSuite().tasks.length;
    console.error(`\nNO ${missing}: ${skipped} tests of "${name}" with a Python peer are skipped\n`);
  });
}

/** What a Python exception says of itself. */
export interface Raised {
  readonly type: string;
  readonly module: string;
  /** The names of the classes that it is an instance of as well, nearest first. */
  readonly bases: readonly string[];
  /** `str()` of it. */
  readonly text: string;
  readonly args: readonly unknown[];
  readonly kwargs: unknown;
  /** Of a `RemoteError`. */
  readonly exc_type?: string;
  readonly value?: string;
  readonly traceback?: unknown;
  /** Where it was raised, in the peer. */
  readonly trace: string;
}

/** A command that the peer was asked to do raised. */
export class PeerRaised extends Error {
  readonly raised: Raised;
  constructor(what: string, raised: Raised) {
    super(`the Python peer, asked to ${what}, raised ${raised.module}.${raised.type}: ${raised.text}`);
    this.raised = raised;
  }
}

/** What an endpoint in the peer saw. */
export interface PeerEvent {
  readonly event: string;
  readonly [member: string]: unknown;
}

interface Asked {
  readonly what: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Line {
  readonly id?: number;
  readonly result?: unknown;
  readonly raised?: Raised;
  readonly event?: string;
}

const READY_WITHIN_MS = 60_000;
const SEEN_WITHIN_MS = 20_000;
const STDERR_KEPT = 8_000;

/** One Python process. It never outlives this one: it ends when its stdin closes. */
export class OsloPeer {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #asked: Map<number, Asked> = new Map();
  readonly #events: PeerEvent[] = [];
  readonly #exited: Promise<void>;
  #nextId = 1;
  #stderr = "";
  #isOver = false;

  private constructor(program: string) {
    this.#process = spawn(program, [PROGRAM], { stdio: ["pipe", "pipe", "pipe"] });
    this.#process.stdin.on("error", () => {}); // whoever asks hears that it has ended
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_KEPT);
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#hear(line));
    this.#exited = once(this.#process, "close").then(
      () => this.#ended(),
      () => this.#ended(),
    );
  }

  /** Resolves when it takes commands. */
  static async start(): Promise<OsloPeer> {
    const peer = new OsloPeer(osloPython());
    try {
      await peer.saw("ready", {}, { withinMs: READY_WITHIN_MS });
      return peer;
    } catch (error) {
      await peer.kill();
      throw error;
    }
  }

  /** What its endpoints saw, in order. */
  get events(): readonly PeerEvent[] {
    return this.#events;
  }

  /** The end of what it logged. */
  get log(): string {
    return this.#stderr;
  }

  /** Resolves with its answer. @throws PeerRaised; Error where it ends before it has answered. */
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

  /** Those events so far that have these members. */
  seen(event: string, members: Readonly<Record<string, unknown>> = {}): readonly PeerEvent[] {
    const wanted = Object.entries(members);
    return this.#events.filter((one) => one.event === event && wanted.every(([name, value]) => one[name] === value));
  }

  /** Resolves with the first event that has these members. */
  async saw(
    event: string,
    members: Readonly<Record<string, unknown>> = {},
    { withinMs = SEEN_WITHIN_MS }: { readonly withinMs?: number } = {},
  ): Promise<PeerEvent> {
    const what = `the Python peer to tell ${event} ${JSON.stringify(members)}`;
    return await until(
      () => {
        const [first] = this.seen(event, members);
        if (first === undefined && this.#isOver) throw this.#over(what);
        return first;
      },
      { withinMs, what },
    );
  }

  /** SIGKILL: no connection is closed in peace. Resolves when it is gone. Idempotent. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  #hear(text: string): void {
    const line: Line = JSON.parse(text);
    if (line.event !== undefined) {
      this.#events.push({ ...line, event: line.event });
      return;
    }
    const asked = this.#asked.get(line.id ?? 0);
    this.#asked.delete(line.id ?? 0);
    if (line.raised === undefined) asked?.resolve(line.result);
    else asked?.reject(new PeerRaised(asked.what, line.raised));
  }

  #ended(): void {
    this.#isOver = true;
    for (const { what, reject } of this.#asked.values()) reject(this.#over(what));
    this.#asked.clear();
  }

  #over(what: string): Error {
    return new Error(`the Python peer has ended; it was asked: ${what}\n${this.#stderr}`);
  }
}
