import { systemClock } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { PoolWorld } from "../support/pool-world.js";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";
import { until } from "../support/until.js";

test("a server that a topic in use passed over for long keeps its link, and its share of what comes (A2)", async () => {
  const url = localUrl(await runtimeDirectory(), "idleMs=100");
  for (const server of ["a", "b"]) await (await opened(url)).serve({ topic: "t", server }, [{ who: () => server }]);
  // Always the first of the two.
  const caller = await opened(url, { random: () => 0 });
  const client = caller.client({ topic: "t" });
  await client.call("who");
  await until(() => caller.stats().gauges["pool.ready"] === 2, "both are known");
  let sweeps = 0;
  const answers = new Set<unknown>();
  const begun = systemClock.now();
  while (sweeps < 3) {
    answers.add(await client.call("who"));
    sweeps = Math.floor((systemClock.now() - begun) / 1_000);
  }
  expect(answers.size).toBe(1);
  expect(caller.stats().gauges["pool.ready"]).toBe(2);
});

test("who begins to wait for a lost process does not wait for a backoff that was chosen when nobody did (E6)", async () => {
  const world = new PoolWorld({}, ["a"]);
  world.pool.open();
  await world.accept();
  const [peer] = world.pool.peers;
  for (let attempt = 0; attempt < 12; attempt++) {
    world.engine.last.end(attempt === 0 ? "lost" : "handshake");
    if (attempt < 11) world.clock.advance((world.clock.nextAt ?? 0) - world.clock.now());
  }
  expect((world.clock.nextAt ?? 0) - world.clock.now()).toBeGreaterThan(10_000);
  const dials = world.engine.dials.length;
  peer?.whenSettled(() => {});
  expect(world.engine.dials.length).toBe(dials + 1);
  world.engine.last.end("handshake");
  expect((world.clock.nextAt ?? 0) - world.clock.now()).toBeLessThanOrEqual(4_000);
});
