/** One system in one run: the processes of its two sides, and what they measured. */
import { PAYLOADS } from "../lib/payloads.mjs";
import { Peer } from "./peer.mjs";

const STARTED_WITHIN_MS = 30_000;
/** Beyond the slice itself. Calls that were lost are found by their own deadlines, of which the longest here is 60 s. */
const ANSWERED_WITHIN_MS = 75_000;
const HANDLED_WITHIN_MS = 60_000;

export class SystemRun {
  #system;
  #broker;
  #topic;
  #server;
  #client;
  #starts = 0;
  /** How many casts its server must have handled by now. */
  #casts = 0;
  /** By cell: why it was given up. Its other cells go on. */
  failures = new Map();
  /** By cell, then by round. */
  samples = new Map();

  constructor(system, broker, topic) {
    this.#system = system;
    this.#broker = broker;
    this.#topic = topic;
  }

  get name() {
    return this.#system.name;
  }

  /** Each start has queues of its own: what a failed run left in the old ones is nobody's any more. */
  start() {
    return Promise.race([this.#start(), this.#broker.died]);
  }

  /** One slice of one cell: rate, latency, and the CPU time of each process for an operation. */
  measure(cell, ms) {
    // What ends fails the slice at once: the others would wait for it. The broker is asked first, since all end with it.
    return Promise.race([this.#broker.died, this.#measure(cell, ms), this.#server.died, this.#client.died]);
  }

  async stop() {
    await Promise.all([this.#client?.end(), this.#server?.end()]);
  }

  kill() {
    this.#client?.kill();
    this.#server?.kill();
  }

  async #start() {
    this.#starts += 1;
    this.#casts = 0;
    const name = `${this.#topic}.${this.#system.name}.${this.#starts}`;
    const open = (side) => new Peer(`${this.name}'s ${side}`, ...this.#system.command(side, this.#broker.url, name));
    this.#server = open("server");
    await this.#server.ready(STARTED_WITHIN_MS);
    this.#client = open("client");
    await this.#client.ready(STARTED_WITHIN_MS);
  }

  async #measure(cell, ms) {
    const before = await this.#cpuUs();
    const question = { do: "measure", cell, ms, sample: PAYLOADS[cell.payload](0) };
    const result = await this.#client.ask(question, ms + ANSWERED_WITHIN_MS);
    const endedMs = cell.operation === "cast" ? await this.#handled(result.count) : result.startedMs + result.ms;
    const after = await this.#cpuUs();
    const perOperation = (us) => us / Math.max(1, result.count);
    return {
      rate: (result.count / (endedMs - result.startedMs)) * 1000,
      p50Ms: result.p50,
      p99Ms: result.p99,
      clientUs: perOperation(result.cpuUs),
      serverUs: perOperation(after.server - before.server),
      brokerUs: after.broker === null ? null : perOperation(after.broker - before.broker),
    };
  }

  async #cpuUs() {
    const { cpuUs: server } = await this.#server.ask({ do: "cpu" }, ANSWERED_WITHIN_MS);
    return { server, broker: await this.#broker.cpuUs() };
  }

  async #handled(count) {
    this.#casts += count;
    const { atMs } = await this.#server.ask({ do: "handled", count: this.#casts }, HANDLED_WITHIN_MS);
    return atMs;
  }
}
