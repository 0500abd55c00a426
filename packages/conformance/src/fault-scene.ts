import { ConnectionLostError, type NotificationEndpoint, type Transport } from "@trunkline/core";
import { check, sameValue } from "./check.js";
import { type CaseContext, pause } from "./context.js";
import type { History } from "./history.js";
import { eventId, eventProbe, rpcProbe } from "./probes.js";

const BETWEEN_PROBES_MS = 20;
const SERVERS: readonly string[] = ["s1", "s2"];

/** Two servers, a listener and a sender, whose every message is in the history. */
export class FaultScene {
  readonly history: History;
  readonly #t: CaseContext;
  readonly #topic: string;
  readonly sender: Transport;
  #number = 0;
  #probe = 0;
  #castsLost = 0;
  readonly #events = new Set<string>();
  /** Ids of probes that are no part of the history, as they are sent until one comes through. */
  readonly #arrived = new Set<string>();

  private constructor(t: CaseContext, sender: Transport) {
    this.#t = t;
    this.history = t.history();
    this.#topic = t.name("compute");
    this.sender = sender;
  }

  static async open(t: CaseContext, open: (end: "sender" | "consumers") => Promise<Transport>): Promise<FaultScene> {
    const scene = new FaultScene(t, await open("sender"));
    const host = await open("consumers");
    for (const end of [scene.sender, host]) end.events.on("castsLost", ({ count }) => (scene.#castsLost += count));
    for (const server of SERVERS) {
      const probe = rpcProbe(scene.history, server);
      const ping = (id: string, what: string): void => void scene.#arrived.add(`${what} ${id} ${server}`);
      const more = {
        late: () => null,
        ping: ({ id }: { readonly id: string }) => ping(id, "call"),
        pingAll: ({ id }: { readonly id: string }) => ping(id, "fanout"),
      };
      await t.serve(host, { topic: scene.#topic, server }, { ...probe, ...more });
    }
    if (t.claims.events) {
      const known = eventProbe(scene.history, "listener");
      const probe: NotificationEndpoint = { debug: (event) => void scene.#arrived.add(eventId(event)) };
      await t.listen(host, scene.#topic, { ...known, ...probe });
    }
    return scene;
  }

  client(options?: { readonly timeoutMs: number }): ReturnType<Transport["client"]> {
    return this.sender.client({ topic: this.#topic }, options);
  }

  /** One of each kind: each must be accepted, and what nobody answers is waited for, so that the next fault meets nothing under way. */
  async round(name: string): Promise<void> {
    const { claims } = this.#t;
    const client = this.client();
    const one = (kind: string): string => `${kind} ${name}`;
    await this.history.record(one("call"), [SERVERS], () => client.call("echo", { id: one("call") }));
    await this.history.record(one("cast"), [SERVERS], () => client.cast("note", { id: one("cast") }));
    if (claims.serverDirected) {
      const directed = client.to({ server: "s2" });
      await this.history.record(one("directed"), [["s2"]], () => directed.call("echo", { id: one("directed") }));
    }
    if (claims.fanout) {
      await this.history.record(one("fanout"), [["s1"], ["s2"]], () => client.fanout("note", { id: one("fanout") }));
    }
    if (claims.events) await this.#emit(one("event"));
    const isHandled = (): boolean => this.history.isComplete();
    await this.#t.until(`the messages ${name} to be handled`, isHandled, () => this.history.judge().missing);
  }

  async #emit(id: string): Promise<void> {
    this.#events.add(id);
    const notifier = this.sender.notifier({ publisherId: "kit", topics: [this.#topic] });
    await this.history.record(id, [["listener"]], async () => {
      const { lost } = await notifier.info("kit.event", { id });
      // So the sender is told that the pool's link was lost with the event under way: nobody knows whether it came.
      if (lost > 0) throw new ConnectionLostError("the receipt says that the pool was lost", true);
    });
  }

  /** Waits until each server, and the listener, were reached: at most recoveryMs, and what one message may need. */
  async recovers(): Promise<void> {
    const t = this.#t;
    const began = performance.now();
    const isLate = (): boolean => performance.now() - began > t.ms(t.claims.recoveryMs + t.timing.waitMs);
    const wanted = this.#probes();
    while (wanted.length > 0 && !isLate()) {
      const left = await Promise.all(wanted.map(async (probe) => ((await probe()) ? undefined : probe)));
      wanted.splice(0, wanted.length, ...left.filter((probe) => probe !== undefined));
      // Probes that are refused at once would leave no time for anything else.
      if (wanted.length > 0) await pause(BETWEEN_PROBES_MS);
    }
    check(wanted.length === 0, `within ${t.claims.recoveryMs} ms not all consumers were reached again`);
    t.saw();
  }

  /** Each sends one message, and says whether it, or one before it, came through. */
  #probes(): (() => Promise<boolean>)[] {
    const { claims } = this.#t;
    const probes = SERVERS.map((server) => async () => {
      const client = this.client({ timeoutMs: 500 });
      const target = claims.serverDirected ? client.to({ server }) : client;
      return succeeds(target.call("ping", { id: `p${this.#probe++}` }));
    });
    if (claims.fanout) {
      probes.push(async () => {
        const id = `p${this.#probe++}`;
        if (!(await succeeds(this.client().fanout("pingAll", { id })))) return false;
        return this.#comes(() => SERVERS.every((server) => this.#arrived.has(`fanout ${id} ${server}`)));
      });
    }
    if (claims.events) {
      probes.push(async () => {
        const id = `p${this.#probe++}`;
        const notifier = this.sender.notifier({ publisherId: "kit", topics: [this.#topic] });
        if (!(await succeeds(notifier.debug("kit.event", { id })))) return false;
        return this.#comes(() => this.#arrived.has(id));
      });
    }
    return probes;
  }

  /** Whether it holds within half a second. */
  async #comes(condition: () => boolean): Promise<boolean> {
    return succeeds(this.#t.until("a probe", condition, undefined, 500));
  }

  /** A stream of casts, events and calls, eight at a time, until it is stopped. */
  traffic(): { more(count: number): Promise<void>; stop(): Promise<void> } {
    let isOver = false;
    let settled = 0;
    const lane = async (): Promise<void> => {
      // A case that fails stops nothing, and what is sent on a closed transport fails at once, for ever.
      while (!isOver && !this.#t.isOver) {
        const number = this.#number++;
        const client = this.client();
        const kinds = ["cast", "call", this.#t.claims.events ? "event" : "cast"];
        const kind = kinds[number % kinds.length];
        const id = `${kind} ${number}`;
        if (kind === "call") await this.history.record(id, [SERVERS], () => client.call("echo", { id }));
        else if (kind === "event") await this.#emit(id);
        else await this.history.record(id, [SERVERS], () => client.cast("note", { id }));
        settled++;
      }
    };
    const lanes = Array.from({ length: 8 }, lane);
    return {
      more: async (count) => {
        const goal = settled + count;
        await this.#t.until("traffic to go on", () => settled >= goal, undefined, this.#t.claims.recoveryMs + 30_000);
      },
      stop: async () => {
        isOver = true;
        await this.#t.within("the last sends to have an outcome", Promise.all(lanes), 20_000);
      },
    };
  }

  /** That each accepted message was handled, events perhaps again, casts and calls once; or that its loss was told (B12). */
  async settles(): Promise<void> {
    const t = this.#t;
    const idle = t.ms(t.timing.idleMs);
    await t.until("the messages to be handled", () => this.history.isComplete() || this.history.idleMs > idle);
    const missing = (): readonly string[] => this.history.judge({ failures: true, repeats: true }).missing;
    if (missing().length > 0) {
      const told = (): boolean => missing().length <= this.#castsLost;
      const counts = (): string =>
        `${missing().length} missing, ${this.#castsLost} told as lost; missing: ${missing().slice(0, 5).join(", ")}`;
      await t.until("each loss to be told (castsLost)", told, counts, t.claims.detectionMs + 10_000);
      t.note(`${missing().length} casts were lost, and told as lost`);
    }
    const isExcused = (id: string): boolean => !this.#events.has(id);
    const judgement = await t.verify(this.history, { failures: true, repeats: t.claims.redelivery, isExcused });
    const twice = this.history.sends.filter(({ id }) => !this.#events.has(id) && this.history.countOf(id) > 1);
    const ids = twice.map(({ id }) => id);
    sameValue("casts and calls that ran twice", ids, []);
    t.note(
      `${judgement.sent} sent, ${judgement.handled} handled, ${judgement.recovered.length} of unknown outcome ran`,
    );
  }
}

async function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
