import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { judge, type Missing, readRecords } from "../support/ledger.js";
import { LoadClient } from "../support/load-client.js";
import { fromEnvironment, localUrl, runFolders, runSeed } from "../support/runs.js";
import { type Deed, ServerSlot } from "../support/server-slot.js";
import { seededRandom } from "./programs/seeded-random.mjs";

const SEED = runSeed();
const CHAOS_MS = fromEnvironment("TRUNKLINE_CHAOS_MS", 60_000);
const TIMEOUT_MS = 8_000;
const HEARTBEAT_TIMEOUT_MS = 1_000;
const DEEDS: readonly Deed[] = ["kill", "freeze", "stop"];

test(
  `servers that are killed, frozen and stopped at random break no promise (seed ${SEED})`,
  async () => {
    const random = seededRandom(SEED);
    const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
    const folders = await runFolders();
    const url = localUrl(folders, { heartbeatMs: 200, heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS });
    const folder = folders.records;
    const names = Array.from({ length: between(3, 6) }, (_, index) => `s${index + 1}`);
    // Few handlers run at once, so that there is always something in hand that has not begun.
    const inHand = { concurrency: 3, credit: 64 };
    const servers = names.map((server) => new ServerSlot({ url, folder, server, pools: ["shared"], ...inHand }));
    // One that nothing happens to: what it hears shows that faults elsewhere cost its pool nothing.
    const witness = new ServerSlot({ url, folder, server: "witness", pools: ["steady"], serves: false });
    await Promise.all([...servers, witness].map((server) => server.start()));
    const clients = await Promise.all(
      ["c1", "c2", "c3"].map((name, index) =>
        LoadClient.start({ url, folder, name, seed: SEED + index, servers: names, timeoutMs: TIMEOUT_MS }),
      ),
    );
    for (const client of clients) await client.begin();

    const endAt = performance.now() + CHAOS_MS;
    let done = 0;
    const gremlin = async (): Promise<void> => {
      while (performance.now() < endAt) {
        await pause(between(50, 700));
        const idle = servers.filter(({ isBusy }) => !isBusy);
        const victim = idle[between(0, idle.length - 1)];
        if (victim === undefined) continue;
        victim.isBusy = true;
        const deed = DEEDS[done++ % DEEDS.length];
        if (deed === "kill") await victim.kill();
        else if (deed === "stop") await victim.restart();
        // Some are back before anybody has noticed.
        else await victim.freeze(between(100, 3 * HEARTBEAT_TIMEOUT_MS));
        victim.isBusy = false;
      }
    };
    await Promise.all([gremlin(), gremlin()]);
    for (const deed of DEEDS) expect(servers.some(({ deeds }) => deeds[deed] > 0)).toBe(true);

    // Each settles by its deadline, and the programs wait for all.
    await Promise.all(clients.map((client) => client.stop()));
    for (const client of clients) expect((await client.progress()).unsettled).toEqual([]);
    // All works again, at once.
    for (const client of clients) expect(await client.check(100)).toEqual([]);
    await Promise.all(
      [...servers, witness].map(({ program }) =>
        until(async () => (await program.ask<Stats>("stats")).gauges["server.inHand"] === 0, { withinMs: TIMEOUT_MS }),
      ),
    );
    const sent = (await Promise.all(clients.map((client) => client.settled()))).flat();
    const { handled, fanoutsDropped } = readRecords(folder);
    const { flaws, missing, missingParts, counts } = judge(sent, handled);
    console.log(`chaos: seed ${SEED}, ${names.length} servers, ${done} faults, ${JSON.stringify(counts)}`);
    expect(flaws).toEqual([]);
    // What was accepted and never handled was reported: by its sender, or by a server that stopped before it began.
    let castsLost = 0;
    for (const client of clients) {
      const progress = await client.progress();
      castsLost += progress.castsLost;
      const ours = missing.filter(({ sender }) => sender === client.name);
      expect(ours.length, `${client.name} counted ${progress.castsLost} as lost: ${told(ours)}`).toBeLessThanOrEqual(
        progress.castsLost,
      );
    }
    expect(missing.length + missingParts.length, told([...missing, ...missingParts])).toBeLessThanOrEqual(
      castsLost + fanoutsDropped,
    );
    expect(counts["call ok"]).toBeGreaterThan(CHAOS_MS / 50);

    // Every process ends by itself, and leaves nothing.
    await Promise.all([...clients, ...servers, witness].map(({ program }) => program.finish()));
    expect(readdirSync(folders.runtime)).toEqual([]);
  },
  CHAOS_MS + 120_000,
);

function told(missing: readonly Missing[]): string {
  return missing.map((one) => one.told).join("; ");
}

interface Stats {
  readonly gauges: Readonly<Record<string, number>>;
}
