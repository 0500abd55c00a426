import { harnessFromUrl, MUTANTS, runConformance, stressCases } from "@trunkline/conformance";
import { driver } from "@trunkline/fake";
import { harness } from "@trunkline/fake/conformance";
import { describe, expect, test } from "vitest";

const timing = { waitMs: 2_500, idleMs: 300 };

describe("random programs over a driver that", () => {
  const found = MUTANTS.filter(({ name }) => ["drop-nth", "dup-nth", "ignore-server"].includes(name));
  test.each(found)("$name: one is found and shrunk to a few operations", { timeout: 90_000 }, async (mutant) => {
    const broken = harnessFromUrl("fake://mutants", { drivers: [mutant.wrap(driver)], timing });
    const report = await runConformance({
      harness: broken,
      seed: 11,
      cases: stressCases({ seconds: 30 }),
      only: /^STR-06$/,
    });
    const [result] = report.cases;
    expect(result).toMatchObject({ id: "STR-06", verdict: "fail" });
    const [, before, after] = /of (\d+) operations .* shrunk to (\d+) in/.exec(result?.detail ?? "") ?? [];
    expect(Number(after), result?.detail).toBeLessThanOrEqual(6);
    expect(Number(after)).toBeLessThanOrEqual(Number(before));
    expect(result?.detail).toMatch(/breaks: .*\([A-H]\d+/);
    // What is printed for a replay is a program that fails again.
    const program = JSON.parse(/replay: (\[.*\])/.exec(result?.detail ?? "")?.[1] ?? "[]");
    const cases = stressCases({ seconds: 2, program });
    const again = await runConformance({ harness: broken, cases, only: /^STR-06$/ });
    expect(again.cases[0]?.verdict).toBe("fail");
  });
});

test("the stress cases pass over the driver in memory, and run only where they are asked for", {
  timeout: 120_000,
}, async () => {
  const only = /^STR-/;
  const without = await runConformance({ harness, only });
  expect(without.cases).toEqual([]);
  const report = await runConformance({ harness, only, stress: { seconds: 2, casts: 5_000 } });
  const verdicts = report.cases.map(({ id, verdict, detail }) => `${id} ${verdict}${verdict === "fail" ? detail : ""}`);
  expect(verdicts).toEqual([
    ...["STR-01 pass", "STR-02 not-applicable", "STR-03 pass", "STR-04 pass", "STR-05 pass", "STR-06 pass"],
  ]);
});
