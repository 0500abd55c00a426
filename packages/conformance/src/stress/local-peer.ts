import { existsSync, readdirSync } from "node:fs";
import { type JsonObject, MessagingError, type Transport } from "@trunkline/core";
import { outcomeOf } from "../history.js";
import { census } from "../leaks.js";
import { eventId } from "../probes.js";
import { seededRandom } from "../seeded.js";
import { collectGarbage } from "./collect-garbage.js";
import type { Journal } from "./journal.js";
import type { Footprint, LoadKind, LoadPeer, LoadPlan, LoadRecord, LoadSend, Traffic } from "./load-plan.js";

/** How often each kind is sent beside the others. */
const WEIGHTS: Readonly<Record<LoadKind, number>> = { call: 4, cast: 4, directed: 2, fanout: 1, emit: 3 };

/** Linux has it. */
const OPEN_FILES = "/proc/self/fd";

/** One transport that serves, listens and sends, and notes all of it. */
export class LocalPeer implements LoadPeer {
  readonly name: string;
  readonly #transport: Transport;
  readonly #plan: LoadPlan;
  readonly #journal: Journal | undefined;
  readonly #random: () => number;
  #sends: LoadSend[] = [];
  #served: [string, number][] = [];
  #listened: [string, number][] = [];
  #lost = 0;
  #number = 0;

  /** Which of the peers that had its name, from 1: their messages have ids of their own. */
  readonly #life: number;

  private constructor(name: string, transport: Transport, plan: LoadPlan, life: number, journal: Journal | undefined) {
    this.name = name;
    this.#life = life;
    this.#transport = transport;
    this.#plan = plan;
    this.#journal = journal;
    this.#random = seededRandom(plan.seed + plan.peers.indexOf(name) + plan.peers.length * (life - 1));
    transport.events.on("castsLost", ({ count }) => {
      this.#lost += count;
      journal?.note(["lost", count]);
    });
  }

  /** @param journal where what it does is noted at once, for a peer that may be killed */
  static async start(
    name: string,
    transport: Transport,
    plan: LoadPlan,
    life = 1,
    journal?: Journal,
  ): Promise<LocalPeer> {
    const peer = new LocalPeer(name, transport, plan, life, journal);
    const handle = (params: JsonObject): void => {
      const id = String(params["id"]);
      peer.#served.push([id, 1]);
      journal?.note(["served", id, 1]);
    };
    const endpoint = {
      note: handle,
      echo(params: JsonObject): JsonObject {
        handle(params);
        return { by: name, id: params["id"] ?? null };
      },
    };
    const { topic, pools } = plan;
    await transport.serve({ topic, server: name }, endpoint);
    if (plan.kinds.includes("emit")) {
      const pool = pools[plan.peers.indexOf(name) % pools.length] ?? "";
      const options = pool === "" ? {} : { pool };
      const info = (event: Parameters<typeof eventId>[0], { attempt }: { readonly attempt: number }): void => {
        peer.#listened.push([eventId(event), attempt]);
        journal?.note(["listened", eventId(event), attempt]);
      };
      await transport.listen([{ topic }], { info }, options);
    }
    return peer;
  }

  async send({ ms, lanes, most }: Traffic): Promise<void> {
    const endAt = performance.now() + ms;
    let left = most;
    const lane = async (): Promise<void> => {
      while (performance.now() < endAt && left-- > 0) {
        await this.#one(this.#pick());
        // Where nothing waits for a socket, others would never have their turn.
        if (left % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }

  async #one(kind: LoadKind): Promise<void> {
    const { topic, peers, timeoutMs } = this.#plan;
    const id = `${this.name}${this.#life === 1 ? "" : `.${this.#life}`}-${++this.#number}`;
    const to = kind === "directed" ? peers[Math.floor(this.#random() * peers.length)] : undefined;
    const options = { timeoutMs, sendTimeoutMs: timeoutMs };
    const base = { id, kind, ...(to === undefined ? {} : { to }) };
    const ends = (outcome: Pick<LoadSend, "state" | "refusal" | "hasWrongAnswer">): void => {
      this.#sends.push({ ...base, ...outcome });
      this.#journal?.note(["ends", { ...base, ...outcome }]);
    };
    this.#journal?.note(["begins", { ...base, state: "unknown", refusal: "its sender was killed" }]);
    try {
      if (kind === "emit") {
        await this.#transport.notifier({ publisherId: this.name, topics: [topic] }).info("kit.event", { id });
      } else {
        const client = this.#transport.client({ topic, ...(to === undefined ? {} : { server: to }) }, options);
        if (kind === "cast") await client.cast("note", { id });
        else if (kind === "fanout") await client.fanout("note", { id });
        else {
          const answer: unknown = await client.call("echo", { id });
          const isOwn = typeof answer === "object" && answer !== null && Reflect.get(answer, "id") === id;
          if (!isOwn) return ends({ state: "ok", hasWrongAnswer: true });
        }
      }
      ends({ state: "ok" });
    } catch (error) {
      const refusal = error instanceof MessagingError ? `${error.code}: ${error.message}` : String(error);
      ends({ state: outcomeOf(error), refusal });
    }
  }

  #pick(): LoadKind {
    const { kinds } = this.#plan;
    let point = this.#random() * kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
    for (const kind of kinds) {
      point -= WEIGHTS[kind];
      if (point < 0) return kind;
    }
    return "call";
  }

  async takeRecord(): Promise<LoadRecord> {
    const record = { sends: this.#sends, served: this.#served, listened: this.#listened, lost: this.#lost };
    [this.#sends, this.#served, this.#listened, this.#lost] = [[], [], [], 0];
    this.#journal?.clear();
    return record;
  }

  async footprint(): Promise<Footprint> {
    const heapBytes = await collectGarbage();
    let handles = 0;
    for (const [kind, count] of census()) if (kind !== "Timeout") handles += count;
    const openFiles = existsSync(OPEN_FILES) ? readdirSync(OPEN_FILES).length : undefined;
    return { heapBytes, handles, openFiles, gauges: { ...this.#transport.stats().gauges } };
  }

  async finish(): Promise<void> {
    await this.#transport.close();
    this.#journal?.close();
  }
}
