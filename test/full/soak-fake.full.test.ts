import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { ChildProgram } from "../support/child-program.js";
import { churnRound, type Footprint, MIB } from "../support/churn-round.js";

/** What the engine's own caches may differ by. */
const GROWN_BYTES = 2 * MIB;

test("over the fake driver too, ever new names of everything leave nothing behind", async () => {
  const config = {
    driver: "@trunkline/fake",
    url: "fake://soak",
    shortUrl: "fake://soak?discoveryMs=5",
    server: "s1",
    servesItself: true,
  };
  const churn = await ChildProgram.start("churn", config, { nodeArgs: ["--expose-gc"] });
  // Enough to fill the windows in which duplicates are known, which are bounded.
  await churn.ask("traffic", { messages: 60_000 });
  await churnRound(churn, 0.25);
  const before = await churn.ask<Footprint>("footprint");
  for (let part = 0; part < 4; part++) await churnRound(churn, 0.25);
  const after = await until(
    async () => {
      const footprint = await churn.ask<Footprint>("footprint");
      expect(footprint.gauges).toEqual(before.gauges);
      return footprint;
    },
    { withinMs: 10_000, what: "the gauges are what they were" },
  );
  const grown = after.bytes - before.bytes;
  console.log(`soak over fake: grew by ${(grown / MIB).toFixed(2)} MiB`);
  expect(grown).toBeLessThan(GROWN_BYTES);
  expect(after.openFiles).toBe(before.openFiles);
  await churn.finish();
}, 120_000);
