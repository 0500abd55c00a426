import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { judge, readRecords } from "../support/ledger.js";
import { fromEnvironment, localUrl, runFolders, runSeed } from "../support/runs.js";
import { ChaosScene, told } from "./support/chaos-scene.js";

const SEED = runSeed();
const CHAOS_MS = fromEnvironment("TRUNKLINE_CHAOS_MS", 60_000);
const HEARTBEAT_TIMEOUT_MS = 1_000;

test.each(["libzmq", "zmtp"])(
  `servers on engine=%s that are killed, frozen and stopped at random break no promise (seed ${SEED})`,
  async (engine) => {
    const folders = await runFolders();
    const folder = folders.records;
    const scene = await ChaosScene.start({
      url: localUrl(folders, { engine, heartbeatMs: 200, heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS }),
      folder,
      seed: SEED,
      servers: [3, 6],
      clients: 3,
      timeoutMs: 8_000,
      longestFreezeMs: 3 * HEARTBEAT_TIMEOUT_MS,
    });
    await scene.rage(CHAOS_MS);
    await scene.settle();
    const { handled, fanoutsDropped } = readRecords(folder);
    const { flaws, missing, missingParts, counts } = judge(await scene.sent(), handled);
    console.log(
      `chaos on engine=${engine}: seed ${SEED}, ${scene.servers.length} servers, ${scene.faults} faults, ${JSON.stringify(counts)}`,
    );
    expect(flaws).toEqual([]);
    // What was accepted and never handled was reported: by its sender, or by a server that stopped before it began.
    let castsLost = 0;
    for (const client of scene.clients) {
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
    await scene.finish();
    expect(readdirSync(folders.runtime)).toEqual([]);
  },
  CHAOS_MS + 120_000,
);
