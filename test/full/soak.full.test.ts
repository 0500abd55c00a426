import { readdirSync } from "node:fs";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { ChildProgram } from "../support/child-program.js";
import { churnRound, type Footprint, MIB } from "../support/churn-round.js";
import { fromEnvironment, localUrl, runFolders } from "../support/runs.js";
import { ServerSlot } from "../support/server-slot.js";

const SOAK_MS = fromEnvironment("TRUNKLINE_SOAK_MS", 30_000);
/** What a link may remember while it lives: interned names, slabs, free slots. */
const LIVE_BYTES = 16 * MIB;
/** What the engine's own caches may differ by once all links have gone. Any one leak of the churn below would be more. */
const IDLE_BYTES = 2 * MIB;

test(
  "ever new clients, methods, topics, servers and transports leave nothing behind",
  async () => {
    const folders = await runFolders();
    // Links that are not used are given up soon, so that the end can be compared with the beginning.
    const url = localUrl(folders, { idleMs: 1_000 });
    const shortUrl = localUrl(folders, { idleMs: 1_000, discoveryMs: 5 });
    const slot = new ServerSlot({
      url,
      folder: folders.records,
      server: "s1",
      pools: ["shared"],
      nodeArgs: ["--expose-gc"],
    });
    await slot.start();
    const churn = await ChildProgram.start(
      "churn",
      { driver: "@trunkline/zmq", url, shortUrl, server: "s1" },
      { nodeArgs: ["--expose-gc"] },
    );
    const programs = [slot.program, churn];

    const live = (): Promise<Footprint[]> =>
      Promise.all(programs.map((program) => program.ask<Footprint>("footprint")));
    const idle = async (): Promise<Footprint[]> => {
      await until(
        async () => {
          const stats = await live();
          return stats.every(({ gauges }) =>
            gauges.every(
              (one) => (one["pool.links"] ?? 0) + (one["server.links"] ?? 0) + (one["sender.topics"] ?? 0) === 0,
            ),
          );
        },
        { withinMs: 20_000, what: "idle links and topics are given up" },
      );
      return live();
    };

    await churn.ask("beat");
    await churnRound(churn, 0.2);
    const warm = await live();
    await churn.ask("hush");
    const before = await idle();

    const endAt = performance.now() + SOAK_MS;
    await churn.ask("beat");
    for (let part = 0; part < 4; part++) await churnRound(churn, 0.25);
    while (performance.now() < endAt) await churn.ask("traffic", { messages: 5_000 });
    const hot = await live();
    await churn.ask("hush");
    const after = await idle();

    const grown = (end: readonly Footprint[], start: readonly Footprint[]): number[] =>
      end.map(({ bytes }, index) => bytes - (start[index]?.bytes ?? 0));
    const inMib = (bytes: readonly number[]): string => bytes.map((one) => (one / MIB).toFixed(2)).join(" and ");
    console.log(
      `soak: server and client grew by ${inMib(grown(hot, warm))} MiB alive, ${inMib(grown(after, before))} MiB idle`,
    );
    for (const bytes of grown(hot, warm)) expect(bytes).toBeLessThan(LIVE_BYTES);
    for (const bytes of grown(after, before)) expect(bytes).toBeLessThan(IDLE_BYTES);
    expect(after.map(({ gauges }) => gauges)).toEqual(before.map(({ gauges }) => gauges));
    expect(after.map(({ openFiles }) => openFiles)).toEqual(before.map(({ openFiles }) => openFiles));
    await Promise.all(programs.map((program) => program.finish()));
    expect(readdirSync(folders.runtime)).toEqual([]);
  },
  SOAK_MS + 180_000,
);
