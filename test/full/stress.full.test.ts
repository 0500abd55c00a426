import { type ConformanceHarness, registerConformance, stressCases, vitestPort } from "@trunkline/conformance";
import { harness as fake } from "@trunkline/fake/conformance";
import { osloHarness, harness as rabbit } from "@trunkline/rabbit/conformance";
import { harness as zmq } from "@trunkline/zmq/conformance";
import { afterAll, describe, expect, it } from "vitest";
import { hasPrivateRabbit } from "../support/rabbit.js";
import { fromEnvironment, runSeed } from "../support/runs.js";

const SECONDS = fromEnvironment("TRUNKLINE_STRESS_MS", 30_000) / 1_000;

function stress(harness: ConformanceHarness): void {
  registerConformance(vitestPort({ describe, it, afterAll }), harness, {
    seed: runSeed(),
    cases: stressCases({ seconds: SECONDS }),
    strict: true,
    onReport: ({ passed }) => expect(passed).toBe(true),
  });
}

for (const harness of [fake, zmq]) stress(harness);

describe.skipIf(!hasPrivateRabbit)("with a RabbitMQ of its own", () => {
  for (const harness of [rabbit, osloHarness]) stress(harness);
});
