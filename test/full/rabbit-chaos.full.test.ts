import { setTimeout as pause } from "node:timers/promises";
import { until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { type Handled, judge, type Missing, readRecords, type Settled } from "../support/ledger.js";
import { LoadClient } from "../support/load-client.js";
import { hasPrivateRabbit, privateRabbitForTests } from "../support/rabbit.js";
import { fromEnvironment, runFolders, runSeed } from "../support/runs.js";
import { type Deed, ServerSlot } from "../support/server-slot.js";
import { seededRandom } from "./programs/seeded-random.mjs";

const SEED = runSeed();
const CHAOS_MS = fromEnvironment("TRUNKLINE_CHAOS_MS", 45_000);
const TIMEOUT_MS = 15_000;
const HEARTBEAT_MS = 1_000;
const DEEDS: readonly Deed[] = ["kill", "freeze", "stop"];
const POOLS = ["shared", "steady"];

describe.skipIf(!hasPrivateRabbit)("processes of consumers", () => {
  const own = privateRabbitForTests();

  test(
    `servers on rabbit:// that are killed in their handlers, frozen and stopped at random break no promise (B12, C4; seed ${SEED})`,
    async () => {
      const random = seededRandom(SEED);
      const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
      const { records: folder } = await runFolders();
      await own.broker.addVhost("chaos");
      const url = own.broker.url({ vhost: "chaos", query: { heartbeatMs: HEARTBEAT_MS } });
      const names = ["s1", "s2", "s3", "s4"];
      // Few handlers run at once, so that there is always something in hand that has not begun.
      const inHand = { concurrency: 3, credit: 64 };
      const servers = names.map((server) => new ServerSlot({ url, folder, server, pools: ["shared"], ...inHand }));
      const witness = new ServerSlot({ url, folder, server: "witness", pools: ["steady"], serves: false });
      await Promise.all([...servers, witness].map((server) => server.start()));
      const clients = await Promise.all(
        ["c1", "c2"].map((name, index) =>
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
          else await victim.freeze(between(100, 5 * HEARTBEAT_MS));
          victim.isBusy = false;
        }
      };
      await Promise.all([gremlin(), gremlin()]);
      for (const deed of DEEDS) expect(servers.some(({ deeds }) => deeds[deed] > 0)).toBe(true);

      await Promise.all(clients.map((client) => client.stop()));
      for (const client of clients) expect((await client.progress()).unsettled).toEqual([]);
      for (const client of clients) expect(await client.check(100)).toEqual([]);
      await Promise.all(
        [...servers, witness].map(({ program }) =>
          until(async () => (await program.ask<Stats>("stats")).gauges["server.inHand"] === 0, {
            withinMs: TIMEOUT_MS,
          }),
        ),
      );
      // What a server that died had in its hands is judged when the others have been asked about it.
      // The queue of fanouts to a process that is gone is nobody's, and expires.
      const isIdle = async (): Promise<boolean> =>
        (await own.broker.queues("chaos")).every(({ messages, consumers }) => messages === 0 || consumers === 0);
      await until(isIdle, { withinMs: 30_000, what: "the queues that have consumers to be empty" });
      const sent = (await Promise.all(clients.map((client) => client.settled()))).flat();
      const { handled, castsLost } = readRecords(folder);
      const { flaws, missing, missingParts, counts } = judge(sent, handled, { eventsMayRepeat: true });
      console.log(
        `chaos on rabbit://: seed ${SEED}, ${done} faults, ${JSON.stringify(counts)}, ${missing.length} casts missing, ${castsLost} told as lost, ${missingParts.length} parts of fanouts missing`,
      );
      expect(flaws).toEqual([]);
      expect(missing.length, told(missing)).toBeLessThanOrEqual(castsLost);
      expect(eventsMissing(sent, handled)).toEqual([]);
      expect(counts["call ok"]).toBeGreaterThan(CHAOS_MS / 50);

      await Promise.all([...clients, ...servers, witness].map(({ program }) => program.finish()));
      await until(async () => (await own.broker.connections("chaos")).length === 0, {
        what: "no connection to be left",
      });
    },
    CHAOS_MS + 150_000,
  );
});

/** Accepted events that one of the pools never saw: `durable` is what the manifest says. */
function eventsMissing(sent: readonly Settled[], handled: readonly Handled[]): string[] {
  const seen = new Set(handled.map(({ kind, id }) => `${kind} ${id}`));
  return sent
    .filter(({ kind, state }) => kind === "event" && state === "ok")
    .flatMap(({ id }) => POOLS.map((pool) => `event:${pool} ${id}`))
    .filter((place) => !seen.has(place));
}

function told(missing: readonly Missing[]): string {
  return missing.map((one) => one.told).join("; ");
}

interface Stats {
  readonly gauges: Readonly<Record<string, number>>;
}
