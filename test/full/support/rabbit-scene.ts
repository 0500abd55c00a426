import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { eventId, eventProbe, History, rpcProbe } from "@trunkline/conformance";
import { type NotificationEndpoint, openTransport, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/rabbit";
import type { PrivateRabbit } from "@trunkline/rabbit/testing";
import { expect, onTestFinished } from "vitest";
import { EVENTS, type Kind, TOPIC, Traffic } from "./rabbit-traffic.js";
import { type FaultSpan, verdictOf } from "./rabbit-verdict.js";

export type Scheme = "rabbit" | "rabbit+oslo";

export interface SceneOptions {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** Of every send. @default 12 000 */
  readonly limitMs?: number;
  readonly user?: string;
  readonly password?: string;
}

/** That oslo's connections are made again as soon as those of the other naming. */
const QUERY: Readonly<Record<Scheme, SceneOptions["query"]>> = {
  rabbit: {},
  "rabbit+oslo": {
    kombu_reconnect_delay: 0.1,
    rabbit_retry_interval: 0.5,
    rabbit_retry_backoff: 0.5,
    rabbit_interval_max: 2,
  },
};

const SERVERS = ["s1", "s2"] as const;
const POOL = "shared";
const HOLD_MS = 4;
/** So that something is always on its way, in the queue, and waiting for a handler. */
const IN_HAND = { concurrency: 4, credit: 16 };
/** What one probe may take beyond `recoveryMs`, on a machine that does other things as well. */
const PROBE_MS = 1_000;
const BETWEEN_PROBES_MS = 20;
const TOLD_WITHIN_MS = 30_000;

const USUAL_ERRORS = ["ERR_CONNECT", "ERR_CONNECTION_LOST", "ERR_TIMEOUT"];

/**
 * In a vhost of its own: a sender, and two transports with a server, a member of a pool and one listener without. All that is
 * sent and handled is in one history, and what the transports say of themselves is kept.
 */
export class RabbitScene {
  readonly history: History = new History();
  readonly traffic: Traffic;
  readonly warnings: string[] = [];
  readonly vhost: string;
  readonly sender: Transport;
  readonly consumers: readonly [Transport, Transport];
  readonly #scheme: Scheme;
  readonly #faults: FaultSpan[] = [];
  readonly #unhandled: unknown[] = [];
  readonly #handlerErrors: unknown[] = [];
  /** Of probes, who got which. */
  readonly #arrived: Set<string> = new Set();
  #castsLost = 0;
  #probes = 0;

  private constructor(
    scheme: Scheme,
    vhost: string,
    [sender, ...consumers]: readonly [Transport, Transport, Transport],
    limitMs: number,
  ) {
    this.#scheme = scheme;
    this.vhost = vhost;
    this.sender = sender;
    this.consumers = consumers;
    this.traffic = new Traffic(this.history, sender, limitMs);
  }

  static async open(broker: PrivateRabbit, scheme: Scheme, options: SceneOptions = {}): Promise<RabbitScene> {
    const { query = {}, limitMs = 12_000, user = "guest", password = "guest" } = options;
    const vhost = `scene-${randomBytes(4).toString("hex")}`;
    await broker.addVhost(vhost);
    if (user !== "guest") await broker.addUser(user, password, { [vhost]: {} });
    const url = broker.url({ scheme, vhost, user, password, query: { ...QUERY[scheme], ...query } });
    const open = async (): Promise<Transport> => {
      const transport = await openTransport(url, { drivers: [driver], sendTimeoutMs: limitMs });
      onTestFinished(() => transport.close());
      return transport;
    };
    const scene = new RabbitScene(scheme, vhost, [await open(), await open(), await open()], limitMs);
    scene.#watch();
    await scene.#consume();
    // What was declared just now would not be there after a SIGKILL.
    await broker.flush();
    return scene;
  }

  get transports(): readonly Transport[] {
    return [this.sender, ...this.consumers];
  }

  get recoveryMs(): number {
    return this.sender.capabilities.recoveryMs;
  }

  /**
   * While the traffic goes on, `act` brings a fault and ends it; all must work again within `recoveryMs` of its end.
   * Resolves with how long that took.
   */
  async fault(name: string, act: () => Promise<unknown>): Promise<number> {
    const from = performance.now();
    await act();
    const backAt = performance.now();
    await this.recovers();
    const to = performance.now();
    this.#faults.push({ from, to });
    const tookMs = Math.round(to - backAt);
    console.log(`${this.#scheme}, ${name}: ${Math.round(backAt - from)} ms, all works ${tookMs} ms after its end`);
    return tookMs;
  }

  /** Resolves when one of the transports has warned so. */
  async warnsOf(pattern: RegExp): Promise<void> {
    await until(() => this.warnings.some((warning) => pattern.test(warning)), { withinMs: 30_000, what: `${pattern}` });
  }

  /** Until each server, each listener and each way of sending was seen to work. */
  async recovers(): Promise<void> {
    const deadline = performance.now() + this.recoveryMs + PROBE_MS;
    let left = this.#waysToProbe();
    while (left.size > 0 && performance.now() < deadline) {
      const asked = [...left].map(async ([name, probe]) => ((await probe()) ? undefined : ([name, probe] as const)));
      left = new Map((await Promise.all(asked)).filter((one) => one !== undefined));
      // What is refused at once would leave no time for anything else.
      await pause(BETWEEN_PROBES_MS);
    }
    expect([...left.keys()], `what does not work ${this.recoveryMs} ms after the fault`).toEqual([]);
  }

  /**
   * Ends the traffic and waits for what is on its way; then all that was sent is accounted for.
   * @param mayLose the kinds that the manifest, or what was done, does not promise to keep
   */
  async settles({
    mayLose = [],
    mayFailWith = [],
  }: {
    readonly mayLose?: readonly Kind[];
    readonly mayFailWith?: readonly string[];
  } = {}): Promise<void> {
    await this.traffic.stop();
    await until(() => this.history.isComplete() || this.history.idleMs > 2_000, { withinMs: 60_000 });
    const account = (): ReturnType<typeof verdictOf> =>
      verdictOf({
        history: this.history,
        sent: this.traffic.sent,
        faults: this.#faults,
        castsLost: this.#castsLost,
        mayLose,
        mayFailWith: [...USUAL_ERRORS, ...mayFailWith],
      });
    // Of some it takes a while until it is sure that they are lost.
    await until(() => account().flaws.length === 0, { withinMs: TOLD_WITHIN_MS }).catch(() => {});
    const { flaws, numbers } = account();
    console.log(`${this.#scheme}: ${numbers}`);
    expect(flaws).toEqual([]);
    expect({ unhandled: this.#unhandled, ofHandlers: this.#handlerErrors }).toEqual({ unhandled: [], ofHandlers: [] });
    this.#holdsNothing();
  }

  /** Nothing is kept of what is over. */
  #holdsNothing(): void {
    for (const transport of this.transports) {
      const { gauges } = transport.stats();
      const held = ["send.messages", "send.waiting", "send.unconfirmed", "calls.unanswered", "server.inHand"];
      expect(Object.fromEntries(held.map((name) => [name, gauges[name]]))).toEqual(
        Object.fromEntries(held.map((name) => [name, 0])),
      );
    }
  }

  #watch(): void {
    const note = (error: unknown): void => void this.#unhandled.push(error);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    for (const { events } of this.transports) {
      events.on("warning", ({ message }) => void this.warnings.push(message));
      events.on("handlerError", ({ error }) => void this.#handlerErrors.push(error));
      events.on("castsLost", ({ count }) => {
        this.#castsLost += count;
      });
    }
  }

  async #consume(): Promise<void> {
    for (const [index, host] of this.consumers.entries()) {
      const server = SERVERS[index] ?? "";
      const probe = rpcProbe(this.history, server, hold);
      const ping = ({ id }: { readonly id: string }): void => void this.#arrived.add(`${id} ${server}`);
      await host.serve({ topic: TOPIC, server }, { ...probe, ping }, IN_HAND);
      await host.listen([{ topic: EVENTS }], this.#listener(`p${index + 1}`), { pool: POOL, ...IN_HAND });
    }
    await this.consumers[0].listen([{ topic: EVENTS }], this.#listener("listener"), IN_HAND);
  }

  #listener(consumer: string): NotificationEndpoint {
    const probe = eventProbe(this.history, consumer, ["info"], () => hold());
    const where = consumer === "listener" ? consumer : POOL;
    return {
      info: (event, call) => {
        if (event.eventType !== "probe") return probe.info?.(event, call);
        this.#arrived.add(`${eventId(event)} ${where}`);
      },
    };
  }

  /** Each sends one message, and says whether it came through. */
  #waysToProbe(): Map<string, () => Promise<boolean>> {
    const client = this.sender.client({ topic: TOPIC }, { timeoutMs: PROBE_MS });
    const notifier = this.sender.notifier({ publisherId: "probe", topics: [EVENTS] });
    const probe = (send: (id: string) => Promise<unknown>, at: readonly string[]) => async (): Promise<boolean> => {
      const id = `probe-${this.#probes++}`;
      const comes = async (): Promise<void> => {
        await send(id);
        await until(() => at.every((place) => this.#arrived.has(`${id} ${place}`)), { withinMs: PROBE_MS });
      };
      return comes().then(
        () => true,
        () => false,
      );
    };
    const eventProbed = probe((id) => within(notifier.info("probe", { id })), ["listener", POOL]);
    return new Map([
      ...SERVERS.map(
        (server) =>
          [`calls to ${server}`, probe((id) => client.to({ server }).call("ping", { id }), [server])] as const,
      ),
      ...SERVERS.map(
        (server) =>
          [`casts to ${server}`, probe((id) => client.to({ server }).cast("ping", { id }), [server])] as const,
      ),
      ["calls to the topic", probe((id) => client.call("ping", { id }), [])] as const,
      ["fanouts", probe((id) => client.fanout("ping", { id }), SERVERS)] as const,
      ["events", eventProbed] as const,
    ]);
  }
}

function hold(): Promise<void> {
  return pause(Math.random() * HOLD_MS);
}

/** An event waits for longer than a probe does. */
async function within(sending: Promise<unknown>): Promise<void> {
  const late = pause(PROBE_MS).then(() => Promise.reject(new Error("late")));
  await Promise.race([sending, late]);
}
