import { type ChildProcess, fork } from "node:child_process";
import { ConformanceFailure } from "../check.js";
import type { WorkerSource } from "../harness.js";
import { readJournal } from "./journal.js";
import type { Footprint, LoadPeer, LoadPlan, LoadRecord, Traffic } from "./load-plan.js";

/** What the parent asks of a process with one peer in it. */
export type PeerCommand =
  | {
      readonly do: "start";
      readonly name: string;
      readonly url: string;
      readonly resolveFrom?: string;
      readonly plan: LoadPlan;
      readonly life: number;
      /** The file of its journal, where it may be killed. */
      readonly journal?: string;
    }
  | { readonly do: "send"; readonly traffic: Traffic }
  | { readonly do: "takeRecord" | "footprint" | "finish" };

/** The answer to a command, by its number. */
export interface PeerAnswer {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** How long a process may take to end by itself, once its transport is closed. */
const ENDS_WITHIN_MS = 10_000;

/** A peer in a process of its own. */
export class RemotePeer implements LoadPeer {
  readonly name: string;
  /** Which of the peers that had its name, from 1. */
  readonly life: number;
  readonly #journal: string | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  readonly #pending = new Map<number, (answer: PeerAnswer) => void>();
  #next = 0;

  private constructor(name: string, life: number, journal: string | undefined) {
    this.name = name;
    this.life = life;
    this.#journal = journal;
    const child = fork(new URL("./peer-process.js", import.meta.url), [], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Records are large; flags of a test runner's own are none of the child's business.
      serialization: "advanced",
      execArgv: [],
    });
    this.#child = child;
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("message", (message) => {
      // Only peer-process.ts writes to this channel.
      const answer = message as PeerAnswer;
      this.#pending.get(answer.number)?.(answer);
      this.#pending.delete(answer.number);
    });
    this.#ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        const end = code === 0 ? "" : `the process of ${name} ended (${code ?? signal}): ${stderr}`;
        for (const [number, answer] of this.#pending) answer({ number, error: end });
        this.#pending.clear();
        resolve(end);
      });
    });
  }

  /** @throws ConformanceFailure where its transport does not open, or its server or listener does not start. */
  static async start(
    name: string,
    source: WorkerSource,
    plan: LoadPlan,
    life = 1,
    journal?: string,
  ): Promise<RemotePeer> {
    const peer = new RemotePeer(name, life, journal);
    const resolveFrom = source.options?.resolveFrom;
    const where = { url: source.url, ...(resolveFrom === undefined ? {} : { resolveFrom }) };
    try {
      await peer.#ask({ do: "start", name, plan, life, ...where, ...(journal === undefined ? {} : { journal }) });
    } catch (error) {
      await peer.kill();
      throw error;
    }
    return peer;
  }

  async send(traffic: Traffic): Promise<void> {
    await this.#ask({ do: "send", traffic });
  }

  async takeRecord(): Promise<LoadRecord> {
    // What peer-process.ts answers to this command.
    return (await this.#ask({ do: "takeRecord" })) as LoadRecord;
  }

  async footprint(): Promise<Footprint> {
    // Likewise.
    return (await this.#ask({ do: "footprint" })) as Footprint;
  }

  async finish(): Promise<void> {
    await this.#ask({ do: "finish" });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => {
        void this.kill();
        resolve(`the process of ${this.name} was kept alive after its transport had closed (E4)`);
      }, ENDS_WITHIN_MS);
    });
    const problem = await Promise.race([this.#ended, late]);
    clearTimeout(timer);
    if (problem !== "") throw new ConformanceFailure(problem);
  }

  /** What it did and saw until it was killed. Its record must not be on its way then. */
  lastRecord(): LoadRecord {
    return this.#journal === undefined ? NOTHING : readJournal(this.#journal);
  }

  /** SIGKILL; harmless when it has ended. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #ask(command: PeerCommand): Promise<unknown> {
    const number = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, ({ value, error }) => {
        if (error === undefined) resolve(value);
        else reject(new ConformanceFailure(error));
      });
      this.#child.send({ number, command }, (error) => {
        if (error !== null)
          reject(new ConformanceFailure(`the process of ${this.name} does not listen: ${error.message}`));
      });
    });
  }
}

const NOTHING: LoadRecord = { sends: [], served: [], listened: [], lost: 0 };
