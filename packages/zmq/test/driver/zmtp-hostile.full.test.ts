import { until } from "@trunkline/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { ChildProgram } from "../../../../test/support/child-program.js";
import type { Footprint } from "../../../../test/support/churn-round.js";
import { readRecords } from "../../../../test/support/ledger.js";
import { runFolders, runSeed } from "../../../../test/support/runs.js";
import { ServerSlot } from "../../../../test/support/server-slot.js";
import { Attackers } from "../support/attackers.js";
import { freePort } from "../support/free-port.js";

const MIB = 1024 * 1024;
const CONNECTS = 10_000;
const NEIGHBOURS = ["a", "b"];
/** Beyond the bounds of a listener for one address, and for those that have not greeted. */
const TOO_MANY = 4_500;
const TOO_MANY_MUTE = 2_500;
const HEARTBEAT_TIMEOUT_MS = 4_000;
/** What the server may have kept of it all afterwards: caches of the engine, and nothing of any connection. */
const KEPT_BYTES = 4 * MIB;
/** While thousands of connections are held: a socket, a session and 4 KiB of room each, and what waits for 50 who do not read. */
const HELD_BYTES = 256 * MIB;
const SEED = runSeed();

interface Calls {
  readonly made: number;
  readonly wrong: readonly string[];
  readonly slowestMs: number;
}

interface Stats {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
}

test(`10 000 rapid connects, and thousands that stay, cost neighbours no call and the server no memory, with number ${SEED}`, async () => {
  const { records } = await runFolders();
  const port = await freePort();
  const url = `zmq://?bind=127.0.0.1:${port}&engine=zmtp&heartbeatTimeoutMs=${HEARTBEAT_TIMEOUT_MS}`;
  const slot = new ServerSlot({ url, folder: records, server: "s", nodeArgs: ["--expose-gc"] });
  await slot.start();
  const server = slot.program;
  const neighbours = await Promise.all(
    NEIGHBOURS.map((name) =>
      ChildProgram.start(
        "neighbour",
        { url: `zmq://127.0.0.1:${port}?engine=zmtp`, name, lines: 4 },
        { nodeArgs: ["--expose-gc"] },
      ),
    ),
  );
  const attackers = new Attackers(port, SEED);
  onTestFinished(() => attackers.end());
  const footprint = (): Promise<Footprint> => server.ask<Footprint>("footprint");
  const progress = (): Promise<number[]> => Promise.all(neighbours.map((one) => one.ask<number>("progress")));

  await Promise.all(neighbours.map((one) => one.ask("begin")));
  // What is made at the first connections of each kind is there before the first look.
  await attackers.comeAndGo(500);
  const before = await footprint();

  const said = async (what: string): Promise<void> => {
    const { bytes, openFiles } = await footprint();
    const calls = (await progress()).reduce((sum, made) => sum + made, 0);
    console.log(
      `hostile: ${what}: ${((bytes - before.bytes) / MIB).toFixed(1)} MiB and ${openFiles - before.openFiles} files more, ${calls} calls`,
    );
    expect(bytes - before.bytes).toBeLessThan(HELD_BYTES);
  };

  attackers.unfinished(300);
  attackers.deaf(50);
  const slow = [...attackers.mute(1_000), ...attackers.drip(300)];
  await said("1 650 stay");
  await attackers.comeAndGo(CONNECTS);
  await said(`${CONNECTS} have come and gone`);
  await attackers.untilEnded(slow);
  await said("the slow are ended");
  const many = [...(await attackers.crowd("silent", TOO_MANY)), ...(await attackers.crowd("mute", TOO_MANY_MUTE))];
  await said("more than there is room for");
  await attackers.untilEnded(many);
  await said("they are ended too");
  await attackers.end();

  await until(async () => (await footprint()).openFiles <= before.openFiles, {
    withinMs: 30_000,
    what: "files are back",
  });
  const now = await footprint();
  const marks = await progress();
  await until(async () => (await progress()).every((made, at) => made > (marks[at] ?? 0) + 100), {
    withinMs: 30_000,
    what: "neighbours go on",
  });
  const told = await Promise.all(neighbours.map((one) => one.ask<Calls>("stop")));
  const { counters, gauges } = await server.ask<Stats>("stats");
  console.log(
    `hostile: ${attackers.made} connections; ${told.map(({ made, slowestMs }) => `${made} calls, the slowest ${slowestMs.toFixed(0)} ms`).join("; ")}; ` +
      `${counters["dropped"]} dropped; ${((now.bytes - before.bytes) / MIB).toFixed(2)} MiB kept`,
  );

  expect(told.flatMap(({ wrong }) => wrong)).toEqual([]);
  const ids = told.flatMap(({ made }, at) => Array.from({ length: made }, (_, index) => `${NEIGHBOURS[at]}-${index}`));
  const handled = readRecords(records).handled.map(({ id }) => id);
  expect(handled.length).toBe(ids.length);
  expect(new Set(handled)).toEqual(new Set(ids));
  expect(now.bytes - before.bytes).toBeLessThan(KEPT_BYTES);
  expect(now.openFiles).toBeLessThanOrEqual(before.openFiles);
  expect(gauges["server.links"]).toBe(NEIGHBOURS.length);
  expect(counters["dropped"]).toBeGreaterThan(3_000);
  await Promise.all([server, ...neighbours].map((program) => program.finish()));
}, 600_000);
