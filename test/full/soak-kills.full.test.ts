import { type LoadProgress, runConformance, soakCase } from "@trunkline/conformance";
import { harness as rabbit } from "@trunkline/rabbit/conformance";
import { harness as zmq } from "@trunkline/zmq/conformance";
import { describe, expect, test } from "vitest";
import { hasPrivateRabbit } from "../support/rabbit.js";
import { fromEnvironment, runSeed } from "../support/runs.js";

const SECONDS = fromEnvironment("TRUNKLINE_SOAK_MS", 40_000) / 1_000;
const seed = runSeed();

describe.each([zmq, rabbit])("$name", (harness) => {
  test.skipIf(harness === rabbit && !hasPrivateRabbit)(
    `processes are killed and replaced under load (seed ${seed}): what is left of their messages is as it should be, nothing grows`,
    { timeout: SECONDS * 3_000 + 300_000 },
    async () => {
      const rounds: LoadProgress[] = [];
      const cases = [soakCase({ seconds: SECONDS, onRound: (round) => rounds.push(round) })];
      const { cases: results } = await runConformance({ harness, seed, cases });
      expect(results).toMatchObject([{ id: "SOAK-01", verdict: "pass" }]);
      const last = rounds.at(-1);
      expect(last?.faults["process killed"]).toBeGreaterThan(0);
      expect(last?.faults["process killed"]).toBe(last?.lives.reduce((killed, life) => killed + life - 1, 0));
      // The first is left alone, so that what others' deaths leave behind is seen.
      expect(last?.lives[0]).toBe(1);
    },
  );
});
