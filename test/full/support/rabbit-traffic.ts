import { setTimeout as pause } from "node:timers/promises";
import type { History, Scope } from "@trunkline/conformance";
import type { Notifier, RpcClient, Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";

export type Kind = "call" | "directed" | "cast" | "fanout" | "event";

/** What is known of a send beside what the history says. */
export interface Sent {
  readonly kind: Kind;
  readonly startedAt: number;
  endedAt: number | undefined;
  readonly limitMs: number;
}

export const TOPIC = "work";
export const EVENTS = "happenings";

/** Who handles what, so that each id has its scope. */
const SCOPES: Readonly<Record<Kind, Scope>> = {
  call: [["s1", "s2"]],
  directed: [["s2"]],
  cast: [["s1", "s2"]],
  fanout: [["s1"], ["s2"]],
  event: [["listener"], ["p1", "p2"]],
};

const KINDS: readonly Kind[] = ["call", "cast", "event", "directed", "cast", "fanout", "event", "call"];
const LANES = 12;
/** Between one send of a lane and the next. */
const MOST_PAUSE_MS = 20;

/** Calls, casts, fanouts and events that go on while things happen, each in the history from its beginning to its outcome. */
export class Traffic {
  readonly sent: Map<string, Sent> = new Map();
  readonly #history: History;
  readonly #client: RpcClient;
  readonly #directed: RpcClient;
  readonly #notifier: Notifier;
  readonly #limitMs: number;
  #lanes: Promise<void>[] = [];
  #isOver = false;
  #number = 0;
  #settled = 0;

  /** @param limitMs the deadline of each */
  constructor(history: History, sender: Transport, limitMs: number) {
    this.#history = history;
    this.#client = sender.client({ topic: TOPIC }, { timeoutMs: limitMs });
    this.#directed = this.#client.to({ server: "s2" });
    this.#notifier = sender.notifier({ publisherId: "traffic", topics: [EVENTS] });
    this.#limitMs = limitMs;
  }

  start(): void {
    this.#isOver = false;
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  /** Resolves when so many more have an outcome. */
  async more(count: number): Promise<void> {
    const goal = this.#settled + count;
    await until(() => this.#settled >= goal, { withinMs: 60_000, what: `${count} more sends to have an outcome` });
  }

  /** Resolves when the last has its outcome. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  /** One message, whose outcome goes to the history. */
  async send(kind: Kind): Promise<void> {
    const id = `${kind}-${this.#number++}`;
    const sent: Sent = { kind, startedAt: performance.now(), endedAt: undefined, limitMs: this.#limitMs };
    this.sent.set(id, sent);
    await this.#history.record(id, SCOPES[kind], () => this.#act(kind, id));
    sent.endedAt = performance.now();
    this.#settled++;
  }

  #act(kind: Kind, id: string): Promise<unknown> {
    switch (kind) {
      case "call":
        return this.#client.call("echo", { id });
      case "directed":
        return this.#directed.call("echo", { id });
      case "cast":
        return this.#client.cast("note", { id });
      case "fanout":
        return this.#client.fanout("note", { id });
      case "event":
        return this.#notifier.info("happened", { id });
    }
  }

  async #lane(): Promise<void> {
    for (let turn = this.#number; !this.#isOver; turn++) {
      await this.send(KINDS[turn % KINDS.length] ?? "call");
      await pause(Math.random() * MOST_PAUSE_MS);
    }
  }
}
