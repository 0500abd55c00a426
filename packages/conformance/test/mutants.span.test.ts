import { ALL_CASES, harnessFromUrl, MUTANTS, type Mutant, runConformance, unchanged } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import { driver } from "@trunkline/fake";
import { describe, expect, test } from "vitest";

const URL = "fake://mutants";

async function claimsOf(mutant: Mutant) {
  const transport = await openTransport(URL, { drivers: [driver] });
  const claims = transport.capabilities;
  await transport.close();
  return mutant.claims?.(claims) ?? claims;
}

/** Hopeless waits are cut short: each mutant is to fail by what it does, not by how long it takes. */
const timing = { waitMs: 2_500, idleMs: 400 };

describe.each(MUTANTS)("a driver that $name: $fault", (mutant) => {
  test(`fails ${mutant.killers.join(", ")}`, async () => {
    const harness = harnessFromUrl(URL, { drivers: [mutant.wrap(driver)], claims: await claimsOf(mutant), timing });
    const only = new RegExp(`^(${mutant.killers.join("|")})$`);
    const report = await runConformance({ harness, only, seed: 7 });
    expect(report.cases.map(({ id }) => id).toSorted()).toEqual([...mutant.killers].toSorted());
    for (const { id, verdict, isHung, detail } of report.cases) {
      expect({ id, verdict, isHung }, detail).toEqual({ id, verdict: "fail", isHung: undefined });
    }
    expect(report.passed).toBe(false);
  });
});

test("a wrapper that changes nothing passes every case", { timeout: 120_000 }, async () => {
  const harness = harnessFromUrl(URL, { drivers: [unchanged(driver)] });
  const report = await runConformance({ harness, seed: 7 });
  const failures = report.cases.filter(({ verdict }) => verdict === "fail" || verdict === "vacuous");
  expect(failures.map(({ id, detail }) => `${id}: ${detail}`)).toEqual([]);
  expect(report.cases).toHaveLength(ALL_CASES.length);
  expect(report.level).toBe("core");
});
