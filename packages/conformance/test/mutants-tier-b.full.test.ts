import {
  ALL_CASES,
  type ConformanceHarness,
  harnessFromUrl,
  runConformance,
  TIER_B,
  unchanged,
} from "@trunkline/conformance";
import type { DriverFactory } from "@trunkline/core/driver";
import { driver, fakeBus } from "@trunkline/fake";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDoor } from "./support/open-door.js";

/** With a password, for the mutant that tells it. */
const URL = "fake://kit:s3cret-of-the-url@mutants-tier-b?discoveryMs=200";

/** A bus that is cut for good. */
const DEAD = "mutants-tier-b-dead";

/** Hopeless waits are cut short: each mutant is to fail by what it does, not by how long it takes. */
const HASTE = { waitMs: 1_200, idleMs: 250 };

function harnessOver(factory: DriverFactory, more: object = {}): ConformanceHarness {
  return harnessFromUrl(URL, { drivers: [factory], deadUrl: `fake://${DEAD}`, ...more });
}

function only(ids: readonly string[]): RegExp {
  return new RegExp(`^(${ids.join("|")})$`);
}

beforeAll(() => fakeBus(DEAD).cut());
afterAll(() => fakeBus(DEAD).heal());

/** Not run here: over sockets in `mutants-over-sockets.full.test.ts`, and what takes ten times as long as another. */
const ELSEWHERE = ["SEC-01", "ERR-13", "CAST-05"];

/** The one or two quickest. */
function quickest(killers: readonly string[]): readonly string[] {
  return killers.filter((id) => !ELSEWHERE.includes(id)).slice(0, 2);
}

test("each mutant has its own id and cases of this edition", () => {
  expect(new Set(TIER_B.map(({ id }) => id)).size).toBe(20);
  const known = new Set(ALL_CASES.map(({ id }) => id));
  expect(TIER_B.flatMap(({ killers, before = [] }) => [...killers, ...before]).filter((id) => !known.has(id))).toEqual(
    [],
  );
});

describe.each(TIER_B)("$id, a driver that is broken: $fault", (mutant) => {
  const { killers, before = [] } = mutant;
  const quick = quickest(killers);

  test(`fails ${quick.join(", ")}`, async () => {
    const harness = harnessOver(mutant.wrap(openDoor(driver)), { timing: HASTE });
    const { cases } = await runConformance({ harness, only: only([...before, ...quick]), seed: 7 });
    for (const { id, verdict, isHung, detail } of cases) {
      const expected = { id, verdict: before.includes(id) ? "pass" : "fail", isHung: undefined };
      expect({ id, verdict, isHung }, detail).toEqual(expected);
    }
    expect(cases).toHaveLength(before.length + quick.length);
  });
});

test("without a fault, the same cases pass", { timeout: 60_000 }, async () => {
  const ids = TIER_B.flatMap(({ killers, before = [] }) => [...before, ...quickest(killers)]);
  const report = await runConformance({ harness: harnessOver(unchanged(openDoor(driver))), only: only(ids), seed: 7 });
  expect(report.cases.filter(({ verdict }) => verdict !== "pass").map(({ id, detail }) => `${id}: ${detail}`)).toEqual(
    [],
  );
  expect(report.cases).toHaveLength(new Set(ids).size);
});
