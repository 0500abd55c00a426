import { readdirSync } from "node:fs";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { judge, readRecords } from "../support/ledger.js";
import { LoadClient } from "../support/load-client.js";
import { fromEnvironment, localUrl, runFolders, runSeed } from "../support/runs.js";
import { ServerSlot } from "../support/server-slot.js";

const SEED = runSeed();
const ROLLING_MS = fromEnvironment("TRUNKLINE_ROLLING_MS", 30_000);
/** Of the whole load, between one restart and the next. */
const BETWEEN = 200;

test(
  `servers restarted one after another under load fail no call and lose no cast (E3; seed ${SEED})`,
  async () => {
    const folders = await runFolders();
    const url = localUrl(folders);
    const folder = folders.records;
    // Few handlers run at once, so that a server that stops always has something to hand back.
    const servers = ["s1", "s2", "s3"].map(
      (server) => new ServerSlot({ url, folder, server, pools: ["shared"], concurrency: 3, credit: 64 }),
    );
    for (const server of servers) await server.start();
    const clients = await Promise.all(
      ["c1", "c2", "c3"].map((name, index) =>
        LoadClient.start({ url, folder, name, seed: SEED + index, timeoutMs: 20_000 }),
      ),
    );
    for (const client of clients) await client.begin();
    const settled = async (): Promise<number> => {
      const progress = await Promise.all(clients.map((client) => client.progress()));
      return progress.reduce((sum, { settled: count }) => sum + count, 0);
    };

    const endAt = performance.now() + ROLLING_MS;
    let restarts = 0;
    while (performance.now() < endAt) {
      const server = servers[restarts % servers.length];
      // Once with the old process gone before the new one comes, once with both there for a while.
      if (Math.floor(restarts / servers.length) % 2 === 0) await server?.restart();
      else await server?.replace();
      restarts++;
      const before = await settled();
      await until(async () => (await settled()) > before + BETWEEN, { withinMs: 20_000, what: "the load goes on" });
    }

    await Promise.all(clients.map((client) => client.stop()));
    // What servers took is handled before they end.
    await Promise.all(servers.map(({ program }) => program.finish()));
    const sent = (await Promise.all(clients.map((client) => client.settled()))).flat();
    const { handled, fanoutsDropped } = readRecords(folder);
    const { flaws, missing, missingParts, counts } = judge(sent, handled);
    console.log(`rolling restarts: seed ${SEED}, ${restarts} restarts, ${JSON.stringify(counts)}`);
    expect(sent.filter(({ state }) => state !== "ok").map(({ kind, id, error }) => `${kind} ${id}: ${error}`)).toEqual(
      [],
    );
    expect(flaws).toEqual([]);
    expect(missing).toEqual([]);
    // A server's part of a fanout is nobody else's: one that stopped before it began has said so.
    expect(missingParts.length).toBeLessThanOrEqual(fanoutsDropped);
    for (const client of clients) expect((await client.progress()).castsLost).toBe(0);
    expect(restarts).toBeGreaterThanOrEqual(servers.length);
    await Promise.all(clients.map(({ program }) => program.finish()));
    expect(readdirSync(folders.runtime)).toEqual([]);
  },
  ROLLING_MS + 120_000,
);
