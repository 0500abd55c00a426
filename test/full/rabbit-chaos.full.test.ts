import { until } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { type Handled, judge, readRecords, type Settled } from "../support/ledger.js";
import { hasPrivateRabbit, privateRabbitForTests } from "../support/rabbit.js";
import { fromEnvironment, runFolders, runSeed } from "../support/runs.js";
import { ChaosScene, told } from "./support/chaos-scene.js";

const SEED = runSeed();
const CHAOS_MS = fromEnvironment("TRUNKLINE_CHAOS_MS", 45_000);
const HEARTBEAT_MS = 1_000;
const POOLS = ["shared", "steady"];

describe.skipIf(!hasPrivateRabbit)("processes of consumers", () => {
  const own = privateRabbitForTests();

  test(
    `servers on rabbit:// that are killed in their handlers, frozen and stopped at random break no promise (B12, C4; seed ${SEED})`,
    async () => {
      const { records: folder } = await runFolders();
      await own.broker.addVhost("chaos");
      const scene = await ChaosScene.start({
        url: own.broker.url({ vhost: "chaos", query: { heartbeatMs: HEARTBEAT_MS } }),
        folder,
        seed: SEED,
        servers: [4, 4],
        clients: 2,
        timeoutMs: 15_000,
        longestFreezeMs: 5 * HEARTBEAT_MS,
      });
      await scene.rage(CHAOS_MS);
      await scene.settle();
      // What a server that died had in its hands is judged when the others have been asked about it.
      // The queue of fanouts to a process that is gone is nobody's, and expires.
      const isIdle = async (): Promise<boolean> =>
        (await own.broker.queues("chaos")).every(({ messages, consumers }) => messages === 0 || consumers === 0);
      await until(isIdle, { withinMs: 30_000, what: "the queues that have consumers to be empty" });
      const sent = await scene.sent();
      const { handled, castsLost } = readRecords(folder);
      const { flaws, missing, missingParts, counts } = judge(sent, handled, { eventsMayRepeat: true });
      console.log(
        `chaos on rabbit://: seed ${SEED}, ${scene.faults} faults, ${JSON.stringify(counts)}, ${missing.length} casts missing, ${castsLost} told as lost, ${missingParts.length} parts of fanouts missing`,
      );
      expect(flaws).toEqual([]);
      expect(missing.length, told(missing)).toBeLessThanOrEqual(castsLost);
      expect(eventsMissing(sent, handled)).toEqual([]);
      expect(counts["call ok"]).toBeGreaterThan(CHAOS_MS / 50);

      await scene.finish();
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
