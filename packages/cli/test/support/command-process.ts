import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The built command; its folder's packages are those of the workspace. */
export const MAIN: string = join(PACKAGE, "dist", "main.js");
/** From where all drivers of the workspace are found. */
export const ROOT: string = dirname(dirname(PACKAGE));

/** Longer than any command of a test takes on a busy machine; one that is still there is killed. */
const LONGEST_MS = 60_000;

export interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The file that is run. @default the package's own */
  readonly main?: string;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `trunkline …` in a process of its own. */
export class CommandProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  #looks: (() => void)[] = [];

  constructor(words: readonly string[], options: ProcessOptions = {}) {
    this.child = spawn(process.execPath, [options.main ?? MAIN, ...words], {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, NODE_OPTIONS: "", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LONGEST_MS,
      killSignal: "SIGKILL",
    });
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.stdout += chunk.toString();
      for (const look of this.#looks) look();
    });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
      for (const look of this.#looks) look();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (exitCode, signal) =>
        resolve({ exitCode, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Resolves once what it wrote satisfies; rejects where it ends before. */
  async until(fits: (process: CommandProcess) => boolean): Promise<this> {
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!fits(this)) return;
        this.#looks = this.#looks.filter((other) => other !== look);
        resolve();
      };
      this.#looks.push(look);
      look();
    });
    const ended = this.ended.then((end) => {
      if (!fits(this)) throw new Error(`it ended before: ${JSON.stringify(end)}`);
    });
    await Promise.race([seen, ended]);
    return this;
  }

  ready(): Promise<this> {
    return this.until(({ stderr }) => /^ready$/m.test(stderr));
  }

  end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Runs it to its end. */
export function runProcess(...words: string[]): Promise<Ended> {
  return new CommandProcess(words).ended;
}
