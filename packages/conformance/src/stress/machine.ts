import type { JsonObject, NotificationEndpoint, Transport } from "@trunkline/core";
import { ConformanceFailure } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import { eventId } from "../probes.js";
import type { Relay } from "../relay.js";
import { type Handled, type Life, type Log, type Message, Model } from "./model.js";
import { type Operation, type SendOperation, SLOTS, TOPICS } from "./program.js";
import { Probes } from "./program-probes.js";
import { sendMessage } from "./program-sends.js";

/** How long a call waits where nobody listens: a broker keeps it until then. */
const TO_NOBODY_MS = 1_000;

/** A broker hands what came back to another server only once that one knows that it did not run (B12). */
const BROKER_IDLE_MS = 10_000;

interface Running {
  readonly life: Life;
  readonly slot: number;
  readonly running: { stop(): Promise<void> };
}

/** What became of a program. */
export interface ProgramRun {
  readonly flaws: readonly string[];
  readonly sent: number;
  readonly handled: number;
}

/** Runs one program on transports of its own, notes all that happens, and has the model judge it. */
export class Machine {
  readonly #t: CaseContext;
  readonly #relays: readonly Relay[];
  readonly #topics: ReadonlyMap<string, string>;
  readonly #transports: Transport[] = [];
  readonly #opened: Transport[] = [];
  readonly #running = new Map<string, Running>();
  readonly #messages: Message[] = [];
  readonly #lives: Life[] = [];
  readonly #handled: Handled[] = [];
  readonly #disturbances: { from: number; until: number }[] = [];
  readonly #closings: { slot: number; at: number }[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #probes: Probes;
  #toldLost = 0;
  #settled = 0;
  #moment = 0;
  #lastChange = performance.now();

  /** @param relays before the broker, one for each transport; empty where no link can be cut */
  constructor(t: CaseContext, relays: readonly Relay[]) {
    this.#t = t;
    this.#relays = relays;
    const base = t.name("t");
    this.#topics = new Map(TOPICS.map((topic) => [topic, `${base}${topic.slice(1)}`]));
    this.#probes = new Probes(t);
  }

  /** @throws ConformanceFailure where nothing could be judged: an operation hung, or a transport did not open. */
  async run(program: readonly Operation[]): Promise<ProgramRun> {
    const flaws: string[] = [];
    try {
      for (let slot = 0; slot < SLOTS; slot++) await this.#open(slot);
      for (const operation of program) await this.#take(operation);
      await this.#settle();
      await this.#sweep();
      await this.#settle();
      await this.#t.quiet();
    } catch (error) {
      flaws.push(error instanceof ConformanceFailure ? error.message : `threw ${String(error)}`);
    }
    for (const transport of this.#opened) {
      await this.#t.within("close of a transport", transport.close(), this.#t.timing.waitMs + 1_000).catch((error) => {
        flaws.push(error instanceof Error ? error.message : String(error));
      });
    }
    const broken = new Model(this.#log(), this.#t.claims).flaws();
    this.#t.saw(this.#handled.length);
    return { flaws: [...broken, ...flaws], sent: this.#messages.length, handled: this.#handled.length };
  }

  async #open(slot: number): Promise<void> {
    const relay = this.#relays[slot];
    const via = relay === undefined ? {} : { via: [relay.endpoint] };
    const transport = await this.#t.within("a transport to open", this.#t.attempt(via), this.#patience);
    transport.events.on("castsLost", ({ count }) => {
      this.#toldLost += count;
      this.#lastChange = performance.now();
    });
    this.#transports[slot] = transport;
    this.#opened.push(transport);
  }

  async #take(operation: Operation): Promise<void> {
    switch (operation.do) {
      case "serve":
        return this.#serve(operation.on, operation.topic, operation.server);
      case "stop":
        return this.#end(`${operation.topic}/${operation.server}`);
      case "listen":
        return this.#listen(operation.on, operation.topic, operation.pool);
      case "leave":
        return this.#end(listenerKey(operation.on, operation.topic, operation.pool));
      case "cut":
        return this.#cut(operation.on);
      case "reopen":
        return this.#reopen(operation.on);
      case "settle":
        return this.#settle();
      default:
        for (let left = operation.times; left > 0; left--) this.#send(operation);
        // Some of it is on its way before the next step.
        return pause(this.#t.random() < 0.5 ? 0 : 2);
    }
  }

  async #serve(slot: number, topic: string, server: string): Promise<void> {
    const [transport, at] = [this.#transports[slot], this.#topics.get(topic)];
    const key = `${topic}/${server}`;
    if (transport === undefined || at === undefined || this.#running.has(key)) return;
    const life = this.#born("server", topic, server);
    const handle = (params: JsonObject): Promise<void> => this.#work(String(params["id"]), life);
    const endpoint = {
      note: handle,
      async echo(params: JsonObject): Promise<JsonObject> {
        await handle(params);
        return { by: life.consumer, id: params["id"] ?? null };
      },
      ...this.#probes.server(key),
    };
    await this.#begin(key, life, slot, transport.serve({ topic: at, server }, endpoint));
  }

  async #listen(slot: number, topic: string, pool?: string): Promise<void> {
    const [transport, at] = [this.#transports[slot], this.#topics.get(topic)];
    const key = listenerKey(slot, topic, pool);
    if (transport === undefined || at === undefined || this.#running.has(key)) return;
    const life = this.#born("listener", topic, pool ?? "");
    const endpoint: NotificationEndpoint = {
      info: (event) => this.#work(eventId(event), life),
      ...this.#probes.listener(`${topic}/${life.name}`),
    };
    // Where names are not kept apart, a pool may be one for all topics (A5).
    const options = pool === undefined ? {} : { pool: this.#t.claims.exactNames ? pool : `${pool}-${at}` };
    await this.#begin(key, life, slot, transport.listen([{ topic: at }], endpoint, options));
  }

  async #begin(key: string, life: Life, slot: number, begins: Promise<Running["running"]>): Promise<void> {
    const running = await this.#t.within(`${life.consumer} to be there`, begins, this.#patience);
    await this.#t.joined();
    life.ready = this.#now();
    this.#running.set(key, { life, slot, running });
  }

  async #end(key: string): Promise<void> {
    const one = this.#running.get(key);
    if (one === undefined) return;
    this.#running.delete(key);
    one.life.leaving = this.#now();
    await this.#t.within(`${one.life.consumer} to stop`, one.running.stop(), this.#patience);
    one.life.gone = this.#now();
  }

  async #reopen(slot: number): Promise<void> {
    const leaving = [...this.#running].filter(([, one]) => one.slot === slot);
    const at = this.#now();
    this.#closings.push({ slot, at });
    for (const [key, { life }] of leaving) {
      this.#running.delete(key);
      life.leaving = at;
    }
    const closing = this.#transports[slot]?.close() ?? Promise.resolve();
    await this.#t.within(`transport ${slot} to close`, closing, this.#patience);
    const gone = this.#now();
    for (const [, { life }] of leaving) life.gone = gone;
    await this.#open(slot);
  }

  async #cut(slot: number): Promise<void> {
    const { harness } = this.#t;
    const relay = this.#relays[slot];
    if (relay === undefined && harness.cutLinks === undefined) return;
    if (this.#disturbances.at(-1)?.until !== Number.POSITIVE_INFINITY) {
      this.#disturbances.push({ from: this.#now(), until: Number.POSITIVE_INFINITY });
    }
    // Where nothing stands between, all links are lost at once.
    if (relay === undefined) await this.#t.cutLinks();
    else relay.cut();
  }

  #send(operation: SendOperation): void {
    const { do: kind, from, topic, server } = operation;
    const [transport, at] = [this.#transports[from], this.#topics.get(topic)];
    if (transport === undefined || at === undefined) return;
    const message: Message = {
      ...{ id: `${kind}${this.#messages.length + 1}`, kind, from, topic, server, invoked: this.#now() },
      ...{ ended: Number.POSITIVE_INFINITY, quiet: Number.POSITIVE_INFINITY },
      ...{ state: "pending", refusal: undefined, answer: undefined },
    };
    this.#messages.push(message);
    const timeoutMs = this.#isHeard(message) ? undefined : this.#t.ms(TO_NOBODY_MS);
    const target = { topic: at, ...(server === undefined ? {} : { server }) };
    const sending = sendMessage(transport, message, target, timeoutMs);
    const settled = sending.then(() => {
      message.ended = this.#now();
      this.#pending.delete(settled);
    });
    this.#pending.add(settled);
  }

  #isHeard({ topic, server }: Message): boolean {
    return [...this.#running.values()].some(
      ({ life }) => life.kind === "server" && life.topic === topic && (server === undefined || server === life.name),
    );
  }

  /** A handler: some answer at once, some a little later. */
  async #work(id: string, life: Life): Promise<void> {
    this.#handled.push({ id, consumer: life.consumer, at: this.#now() });
    if (this.#handled.length % 4 === 0) await pause(1);
  }

  /** Waits until all links are whole again, each send has its outcome, and what must be handled is, or nothing moves any more. */
  async #settle(): Promise<void> {
    await this.#t.within("the sends to have an outcome", Promise.all([...this.#pending]), this.#patience);
    await this.#recover();
    const isKept = this.#t.claims.undeliverable === "no-queue";
    const idleMs = this.#t.ms(this.#t.timing.idleMs) + (isKept ? BROKER_IDLE_MS : 0);
    const fresh = this.#messages.slice(this.#settled);
    while (performance.now() - this.#lastChange < idleMs) {
      const model = new Model({ ...this.#log(), messages: fresh }, this.#t.claims);
      if (fresh.every((message) => model.missing(message).length === 0)) break;
      await pause(5);
    }
    const quiet = this.#now();
    for (const message of fresh) message.quiet = quiet;
    this.#settled = this.#messages.length;
  }

  async #recover(): Promise<void> {
    const disturbance = this.#disturbances.at(-1);
    if (disturbance?.until !== Number.POSITIVE_INFINITY) return;
    const consumers = [...this.#running].map(([key, { life }]) => ({
      kind: life.kind,
      topic: life.topic,
      key: life.kind === "server" ? key : `${life.topic}/${life.name}`,
      server: life.name,
    }));
    await this.#probes.reach(this.#transports, this.#topics, consumers);
    disturbance.until = this.#now();
  }

  /** Whoever was there once comes back, so that what waits for it is handled (C8, and the queues of a broker). */
  async #sweep(): Promise<void> {
    for (const { kind, topic, name } of [...this.#lives]) {
      if (kind === "server") await this.#serve(0, topic, name);
      else await this.#listen(0, topic, name === "" ? undefined : name);
    }
  }

  #born(kind: Life["kind"], topic: string, name: string): Life {
    const number = this.#lives.length + 1;
    const never = Number.POSITIVE_INFINITY;
    const label = kind === "server" ? name : `listener${name === "" ? "" : ` of pool ${name}`}`;
    const life = {
      consumer: `${topic} ${label} #${number}`,
      kind,
      topic,
      name,
      ready: never,
      leaving: never,
      gone: never,
    };
    this.#lives.push(life);
    return life;
  }

  /** A cast that has nobody to go to may take its whole deadline; a lost connection, its recovery. */
  get #patience(): number {
    const { timing, claims } = this.#t;
    return timing.waitMs + 2_000 + (this.#disturbances.length === 0 ? 0 : claims.recoveryMs);
  }

  #now(): number {
    this.#lastChange = performance.now();
    return ++this.#moment;
  }

  #log(): Log {
    return {
      ...{ messages: this.#messages, lives: this.#lives, handled: this.#handled, toldLost: this.#toldLost },
      ...{ disturbances: this.#disturbances, closings: this.#closings },
    };
  }
}

function listenerKey(slot: number, topic: string, pool: string | undefined): string {
  return `${slot}/${topic}/${pool ?? ""}`;
}
