import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ChildProgram } from "./child-program.js";

export interface ServerConfig {
  readonly url: string;
  /** Where the logs of what was handled are. */
  readonly folder: string;
  readonly server: string;
  readonly concurrency?: number;
  readonly credit?: number;
  /** The pools in which it listens to events. @default none */
  readonly pools?: readonly string[];
  /** Whether it answers requests. @default true */
  readonly serves?: boolean;
  /** For Node, before the program. */
  readonly nodeArgs?: readonly string[];
}

/** What can be done to a server. */
export type Deed = "kill" | "freeze" | "stop";

/** The place of one server, which is held by one process after another. */
export class ServerSlot {
  readonly server: string;
  readonly deeds: Record<Deed, number> = { kill: 0, freeze: 0, stop: 0 };
  readonly #config: ServerConfig;
  #program: ChildProgram | undefined;
  #incarnations = 0;
  /** Something is being done to it. */
  isBusy = false;

  constructor(config: ServerConfig) {
    this.#config = config;
    this.server = config.server;
  }

  get program(): ChildProgram {
    if (this.#program === undefined) throw new Error(`${this.server} has not been started`);
    return this.#program;
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const { url, folder, server, concurrency = 32, credit = 64, pools = [], serves = true, nodeArgs } = this.#config;
    const log = join(folder, `${server}~${++this.#incarnations}.log`);
    const config = { url, server, log, concurrency, credit, pools, serves };
    this.#program = await ChildProgram.start("server", config, nodeArgs === undefined ? {} : { nodeArgs });
  }

  /** SIGKILL, and a new process. */
  async kill(): Promise<void> {
    this.deeds.kill++;
    this.program.signal("SIGKILL");
    await this.program.ended;
    await this.start();
  }

  /** SIGSTOP, and SIGCONT after a time. */
  async freeze(forMs: number): Promise<void> {
    this.deeds.freeze++;
    this.program.signal("SIGSTOP");
    await pause(forMs);
    this.program.signal("SIGCONT");
  }

  /** A graceful stop, and a new process. */
  async restart(): Promise<void> {
    this.deeds.stop++;
    await this.program.finish();
    await this.start();
  }

  /** A new process first, and then a graceful stop of the old one. */
  async replace(): Promise<void> {
    const old = this.program;
    this.deeds.stop++;
    await this.start();
    await old.finish();
  }
}
