import { readdirSync } from "node:fs";
import { openTransport, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/zmq";
import { expect, onTestFinished, test } from "vitest";
import { ChildProgram } from "../support/child-program.js";
import { localUrl, runFolders } from "../support/runs.js";

const PROCESSES = 4;
const EACH = 25;
const POOLS = Array.from({ length: 10 }, (_, index) => `pool${index}`);
const POOL_LINKS = 20;
const EVENTS = 50;

interface Heard {
  readonly kind: string;
  readonly id: string;
  readonly name?: string;
}

/** Names of the servers of one process, of each of its lives. */
function namesOf(process: number): string[] {
  return Array.from({ length: EACH }, (_, index) => `node${process * EACH + index}`);
}

// Simulated scale: a hundred transports, each with sockets and threads of its own, in four processes of one machine.
test("a hundred transports: each is called by name, told of fanouts and events, and a quarter is restarted", async () => {
  const folders = await runFolders();
  const url = localUrl(folders);
  const start = (process: number): Promise<ChildProgram> =>
    ChildProgram.start("fleet", { url, names: namesOf(process), pools: POOLS });
  const fleet = await Promise.all(Array.from({ length: PROCESSES }, (_, process) => start(process)));
  const names = Array.from({ length: PROCESSES }, (_, process) => namesOf(process)).flat();
  const open = async (query: Readonly<Record<string, number>>): Promise<Transport> => {
    const transport = await openTransport(localUrl(folders, query), { drivers: [driver] });
    onTestFinished(() => transport.close());
    return transport;
  };
  const heard: Heard[] = [];
  const hear = async (count: number, what: string): Promise<Heard[]> => {
    await until(
      async () => {
        for (const program of fleet) heard.push(...(await program.ask<Heard[]>("heard")));
        return heard.length >= count;
      },
      { withinMs: 20_000, what },
    );
    return heard.splice(0);
  };

  const wide = await open({});
  const narrow = await open({ poolLinks: POOL_LINKS, idleMs: 1_000 });
  const links = (transport: Transport): number => transport.stats().gauges["pool.links"] ?? 0;

  const check = async (round: string): Promise<void> => {
    // Each by name, over few links: the one that was used longest ago gives way.
    for (const server of names) {
      expect(await narrow.client({ topic: "fleet", server }).call("who")).toBe(server);
      expect(links(narrow)).toBeLessThanOrEqual(POOL_LINKS);
    }
    // And all at once.
    const client = wide.client({ topic: "fleet" });
    const answers = await Promise.all(names.map((server) => client.to({ server }).call("who")));
    expect(answers).toEqual(names);

    for (const transport of [wide, narrow]) {
      const id = `${round}-${transport === wide ? "wide" : "narrow"}`;
      const receipt = await transport.client({ topic: "fleet" }).fanout("tell", { id });
      expect(receipt).toEqual({ accepted: names.length, lost: 0 });
      const told = await hear(names.length, "everyone was told");
      expect(told.every((one) => one.kind === "fanout" && one.id === id)).toBe(true);
      expect(told.map(({ name }) => name).sort()).toEqual([...names].sort());
    }
    // A fanout needs a link to everyone; those that are idle are given up again.
    await until(() => links(narrow) <= POOL_LINKS, { withinMs: 20_000, what: "the pool is within its bound" });

    const notifier = wide.notifier({ publisherId: "scale", topics: ["events"] });
    const ids = Array.from({ length: EVENTS }, (_, index) => `${round}-${index}`);
    for (const id of ids)
      expect(await notifier.info("happened", { id })).toMatchObject({ accepted: POOLS.length, lost: 0 });
    const events = await hear(EVENTS * POOLS.length, "each pool heard of each event");
    const seen = events.map(({ kind, id }) => `${kind} ${id}`).sort();
    expect(seen).toEqual(POOLS.flatMap((pool) => ids.map((id) => `${pool} ${id}`)).sort());
  };

  await check("before");
  const victim = fleet[1];
  await victim?.finish();
  fleet[1] = await start(1);
  await check("after a restart");
  fleet[2]?.signal("SIGKILL");
  await fleet[2]?.ended;
  fleet[2] = await start(2);
  await check("after a kill");

  await Promise.all([wide.close(), narrow.close(), ...fleet.map((program) => program.finish())]);
  expect(readdirSync(folders.runtime)).toEqual([]);
}, 240_000);
