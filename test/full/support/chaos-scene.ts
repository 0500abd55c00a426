import { setTimeout as pause } from "node:timers/promises";
import { until } from "@trunkline/core/testing";
import { expect } from "vitest";
import type { Missing, Settled } from "../../support/ledger.js";
import { LoadClient } from "../../support/load-client.js";
import { type Deed, ServerSlot } from "../../support/server-slot.js";
import { seededRandom } from "../programs/seeded-random.mjs";

const DEEDS: readonly Deed[] = ["kill", "freeze", "stop"];
/** Few handlers run at once, so that there is always something in hand that has not begun. */
const IN_HAND = { concurrency: 3, credit: 64 };

export interface ChaosSettings {
  readonly url: string;
  /** Of the records that the programs write. */
  readonly folder: string;
  readonly seed: number;
  /** The fewest servers and the most. */
  readonly servers: readonly [number, number];
  readonly clients: number;
  /** Of each call, and of whatever is waited for afterwards. */
  readonly timeoutMs: number;
  readonly longestFreezeMs: number;
}

/** Clients whose calls, casts and events are written down, and servers, each a process, that come to grief at random. */
export class ChaosScene {
  readonly servers: readonly ServerSlot[];
  /** One that nothing happens to: what it hears shows that faults elsewhere cost its pool nothing. */
  readonly witness: ServerSlot;
  readonly clients: readonly LoadClient[];
  /** How many faults there were. */
  faults = 0;
  readonly #settings: ChaosSettings;
  readonly #between: (least: number, most: number) => number;

  private constructor(
    settings: ChaosSettings,
    between: (least: number, most: number) => number,
    programs: Pick<ChaosScene, "servers" | "witness" | "clients">,
  ) {
    this.#settings = settings;
    this.#between = between;
    this.servers = programs.servers;
    this.witness = programs.witness;
    this.clients = programs.clients;
  }

  /** Resolves when every server serves and every client sends. */
  static async start(settings: ChaosSettings): Promise<ChaosScene> {
    const { url, folder, seed, timeoutMs } = settings;
    const random = seededRandom(seed);
    const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
    const names = Array.from({ length: between(...settings.servers) }, (_, index) => `s${index + 1}`);
    const servers = names.map((server) => new ServerSlot({ url, folder, server, pools: ["shared"], ...IN_HAND }));
    const witness = new ServerSlot({ url, folder, server: "witness", pools: ["steady"], serves: false });
    await Promise.all([...servers, witness].map((server) => server.start()));
    const clients = await Promise.all(
      Array.from({ length: settings.clients }, (_, index) =>
        LoadClient.start({ url, folder, name: `c${index + 1}`, seed: seed + index, servers: names, timeoutMs }),
      ),
    );
    for (const client of clients) await client.begin();
    return new ChaosScene(settings, between, { servers, witness, clients });
  }

  /** For `forMs` milliseconds servers are killed, frozen and stopped, up to two at once; at its end each serves again. */
  async rage(forMs: number): Promise<void> {
    const endAt = performance.now() + forMs;
    await Promise.all([this.#gremlin(endAt), this.#gremlin(endAt)]);
    for (const deed of DEEDS) expect(this.servers.some(({ deeds }) => deeds[deed] > 0)).toBe(true);
  }

  /** Nothing is sent any more: each call settles by its deadline, all works again at once, and no server has anything in hand. */
  async settle(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.stop()));
    for (const client of this.clients) expect((await client.progress()).unsettled).toEqual([]);
    for (const client of this.clients) expect(await client.check(100)).toEqual([]);
    const hasNothing = async ({ program }: ServerSlot): Promise<boolean> =>
      (await program.ask<Stats>("stats")).gauges["server.inHand"] === 0;
    await Promise.all(
      [...this.servers, this.witness].map((server) =>
        until(() => hasNothing(server), { withinMs: this.#settings.timeoutMs }),
      ),
    );
  }

  /** What the clients sent, and how each ended. */
  async sent(): Promise<readonly Settled[]> {
    return (await Promise.all(this.clients.map((client) => client.settled()))).flat();
  }

  /** Resolves when every process has ended by itself. */
  async finish(): Promise<void> {
    await Promise.all([...this.clients, ...this.servers, this.witness].map(({ program }) => program.finish()));
  }

  async #gremlin(endAt: number): Promise<void> {
    while (performance.now() < endAt) {
      await pause(this.#between(50, 700));
      const idle = this.servers.filter(({ isBusy }) => !isBusy);
      const victim = idle[this.#between(0, idle.length - 1)];
      if (victim === undefined) continue;
      victim.isBusy = true;
      const deed = DEEDS[this.faults++ % DEEDS.length];
      if (deed === "kill") await victim.kill();
      else if (deed === "stop") await victim.restart();
      // Some are back before anybody has noticed.
      else await victim.freeze(this.#between(100, this.#settings.longestFreezeMs));
      victim.isBusy = false;
    }
  }
}

/** Each of them, for the message of an assertion. */
export function told(missing: readonly Missing[]): string {
  return missing.map((one) => one.told).join("; ");
}

interface Stats {
  readonly gauges: Readonly<Record<string, number>>;
}
