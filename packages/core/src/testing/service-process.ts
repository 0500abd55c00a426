import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Deferred, deferred } from "./deferred.js";
import { OutputTail } from "./output-tail.js";
import { isGroupAlive, signalGroup } from "./process-group.js";
import { ProcessGuard } from "./process-guard.js";
import { until } from "./until.js";

/** How a program ended: with a code, or by a signal. */
export interface ServiceExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Of {@link ServiceProcess.create}. */
export interface ServiceOptions {
  /** Where its private folder is made. @default the system's folder for temporary files */
  readonly parentFolder?: string;
}

/** What {@link ServiceProcess.start} runs. */
export interface ServiceCommand {
  /** A path, or a name on PATH. */
  readonly command: string;
  readonly args?: readonly string[];
  /** The whole environment. @default that of this process */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** How long {@link ServiceProcess.terminate} waits. */
export interface TerminateOptions {
  /** After this many ms it is killed. @default 20 000 */
  readonly withinMs?: number;
}

/** How long what a dead program leaves behind in its group may take to be gone. */
const GROUP_GONE_WITHIN_MS = 5_000;

interface Run {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Deferred<ServiceExit>;
}

/**
 * A server that a test starts, kills, freezes and starts again: a program in a process group and a folder of its own.
 *
 * It never outlives this process, however that ends: a guard kills its group and removes its folder as soon as this
 * process is gone. Being in a group of its own, it does not hear a Ctrl-C on the terminal. One program at a time;
 * `start` after it ended starts it again, in the same folder. Not for Windows, which has no process groups.
 */
export class ServiceProcess {
  /** What errors call it. */
  readonly name: string;
  /** Private, empty at first, removed by {@link end}. The program's working directory. */
  readonly folder: string;
  readonly #guard: ProcessGuard;
  readonly #output = new OutputTail();
  #run: Run | undefined;
  #isEnded = false;

  private constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
    this.#guard = new ProcessGuard(folder);
  }

  /** Makes the folder, and runs nothing yet. `name` is a short word for errors and for the folder's name. */
  static async create(name: string, options: ServiceOptions = {}): Promise<ServiceProcess> {
    if (process.platform === "win32") throw new Error(`cannot run ${name} for tests: Windows has no process groups`);
    const folder = await mkdtemp(join(options.parentFolder ?? tmpdir(), `trunkline-${name}-`));
    return new ServiceProcess(name, folder);
  }

  /** True from a `start` that resolved until the program has ended. */
  get isRunning(): boolean {
    return this.#run !== undefined && !this.#run.exited.isSettled;
  }

  /** Of the program that runs, else undefined. It is its group's id as well. */
  get pid(): number | undefined {
    return this.isRunning ? this.#run?.pid : undefined;
  }

  /** The end of what `start` started last, once all of its group is gone. Never rejects; pending for ever before a `start`. */
  get exited(): Promise<ServiceExit> {
    return this.#run?.exited.promise ?? new Promise(() => {});
  }

  /** The last of what it printed to stdout and stderr, over all its runs: 64 KiB at most. */
  get output(): string {
    return this.#output.text;
  }

  /** The last lines of {@link output}, for an error message. */
  outputTail(lines: number): string {
    return this.#output.lines(lines);
  }

  /**
   * Starts the program; resolves as soon as it runs. Whether it is ready is for the caller to ask.
   * @throws Error where it runs already, cannot be run, or after `end`.
   */
  async start({ command, args = [], env = process.env }: ServiceCommand): Promise<void> {
    if (this.#isEnded) throw new Error(`cannot start ${this.name}: it was ended, and its folder is removed`);
    if (this.isRunning) throw new Error(`cannot start ${this.name}: it runs already, with pid ${this.pid}`);
    const child = spawn(command, args, { cwd: this.folder, detached: true, env, stdio: ["ignore", "pipe", "pipe"] });
    const { pid } = child;
    if (pid === undefined) {
      const [cause] = await once(child, "error");
      throw new Error(`cannot run ${command} as ${this.name}: is it there, and may it be run?`, { cause });
    }
    const run: Run = { child, pid, exited: deferred() };
    this.#run = run;
    this.#guard.watch(pid);
    child.stdout.on("data", (chunk: Buffer) => this.#output.add(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#output.add(chunk));
    // A signal that could not be sent is no failure of the program.
    child.on("error", () => {});
    child.once("exit", (code, signal) => void this.#sweep(run, { code, signal }));
  }

  /** Sends a signal to the program alone. Harmless where none runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#run?.child.kill(signal);
  }

  /** SIGKILL to the whole group; resolves when it is gone. A frozen one dies as well. Harmless where none runs. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#signalGroup("SIGKILL");
    await this.exited;
  }

  /** Thaws it, asks the program to end (SIGTERM), and kills it where it does not in time. Harmless where none runs. */
  async terminate(options: TerminateOptions = {}): Promise<void> {
    if (!this.isRunning) return;
    this.thaw();
    this.signal("SIGTERM");
    const overdue = setTimeout(() => this.#signalGroup("SIGKILL"), options.withinMs ?? 20_000);
    await this.exited;
    clearTimeout(overdue);
  }

  /** SIGSTOP to the whole group: its connections stay open and nothing answers, as on a machine that hangs. */
  freeze(): void {
    this.#signalGroup("SIGSTOP");
  }

  /** SIGCONT: it goes on where it was. Harmless where it was not frozen. */
  thaw(): void {
    this.#signalGroup("SIGCONT");
  }

  /** Kills it and removes its folder. Idempotent; it cannot be started again. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
    this.#guard.release();
  }

  #signalGroup(signal: NodeJS.Signals): void {
    if (!this.isRunning || this.#run === undefined) return;
    signalGroup(this.#run.pid, signal);
  }

  /** What a program started in its group, and left there, would hold its ports and files. */
  async #sweep({ pid, exited }: Run, exit: ServiceExit): Promise<void> {
    signalGroup(pid, "SIGKILL");
    // What a SIGKILL does not end is the kernel's: a test must not wait for it for ever.
    await until(() => !isGroupAlive(pid), { withinMs: GROUP_GONE_WITHIN_MS }).catch(() => {});
    this.#guard.watch(undefined);
    exited.resolve(exit);
  }
}
