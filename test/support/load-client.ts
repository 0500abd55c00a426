import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ChildProgram } from "./child-program.js";
import type { Settled } from "./ledger.js";

export interface LoadConfig {
  readonly url: string;
  /** Where it writes down what became of each operation. */
  readonly folder: string;
  readonly name: string;
  readonly seed: number;
  /** Servers that some of the calls are directed to. @default none */
  readonly servers?: readonly string[];
  /** By when each operation must have settled. */
  readonly timeoutMs: number;
}

export interface LoadProgress {
  readonly settled: number;
  readonly unsettled: readonly string[];
  readonly castsLost: number;
}

/** A process that sends calls, casts, fanouts and events in bursts, until it is told to stop. */
export class LoadClient {
  readonly name: string;
  readonly program: ChildProgram;
  readonly #out: string;

  private constructor(name: string, program: ChildProgram, out: string) {
    this.name = name;
    this.program = program;
    this.#out = out;
  }

  static async start(config: LoadConfig): Promise<LoadClient> {
    const { folder, name, servers = [] } = config;
    const out = join(folder, `${name}.json`);
    const shape = { workers: 4, burst: 8, holdMs: 10, pauseMs: 8 };
    return new LoadClient(name, await ChildProgram.start("load", { ...config, ...shape, servers, out }), out);
  }

  begin(): Promise<unknown> {
    return this.program.ask("start");
  }

  progress(): Promise<LoadProgress> {
    return this.program.ask("progress");
  }

  /** Ends the load, and resolves when all of it has settled. */
  stop(): Promise<unknown> {
    return this.program.ask("stop");
  }

  /** Makes so many calls, one after another, and resolves with those that went wrong. */
  check(calls: number): Promise<readonly Settled[]> {
    return this.program.ask("check", { calls });
  }

  async settled(): Promise<readonly Settled[]> {
    await this.program.ask("save");
    return JSON.parse(readFileSync(this.#out, "utf8")) as Settled[];
  }
}
