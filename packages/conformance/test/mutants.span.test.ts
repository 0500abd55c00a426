import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  ALL_CASES,
  type ConformanceHarness,
  harnessFromUrl,
  judgeMutant,
  MUTANTS,
  type Mutant,
  mutantTable,
  runConformance,
  TIER_A,
  unchanged,
} from "@trunkline/conformance";
import { type DriverFactory, parseTransportUrl, withOptions } from "@trunkline/core/driver";
import { driver, fakeBus } from "@trunkline/fake";
import { afterAll, describe, expect, test } from "vitest";

/** Hopeless waits are cut short: each mutant is to fail by what it does, not by how long it takes. */
const HASTE = { waitMs: 1_200, idleMs: 250 };
/** The links of the in-memory driver come back at once: a mutant whose links do not is found out soon. */
const SOON = { recoveryMs: 1_000 };

/** The in-memory driver's own manifest, whatever a mutant says. */
const own = driver.capabilities(withOptions(parseTransportUrl("fake://"), driver));

/** On a bus that is its own, since some mutants leave messages there. */
function harnessOver(factory: DriverFactory, bus: string, more: object = {}): ConformanceHarness {
  return {
    ...harnessFromUrl(`fake://${bus}?discoveryMs=200`, { drivers: [factory], ...more }),
    isBrokerless: true,
    teardown: async () => fakeBus(bus).reset(),
    async cutLinks() {
      fakeBus(bus).cut();
      // What a driver does about it at once, it has done by then.
      await new Promise((resolve) => setImmediate(resolve));
      fakeBus(bus).reset();
    },
  };
}

function harnessOf(mutant: Mutant): ConformanceHarness {
  return harnessOver(mutant.wrap(driver), mutant.name, { claims: mutant.claims?.(own) ?? SOON, timing: HASTE });
}

/** The two quickest. */
const quickest = ({ killers }: Mutant): readonly string[] => killers.slice(0, 2);

describe.each(TIER_A)("$id, a driver that is broken: $fault", (mutant) => {
  test(`fails ${quickest(mutant).join(", ")}`, async () => {
    const killers = quickest(mutant);
    const { attempts } = await judgeMutant(mutant, harnessOf(mutant), { killers, seed: 7 });
    for (const { caseId, kill, detail } of attempts)
      expect({ caseId, kill }, detail).toEqual({ caseId, kill: "killed" });
    expect(attempts).toHaveLength(killers.length);
  });
});

test("without a fault, the same cases pass", { timeout: 60_000 }, async () => {
  const ids = new Set(TIER_A.flatMap(quickest));
  const cases = ALL_CASES.filter(({ id }) => ids.has(id));
  const report = await runConformance({ harness: harnessOver(unchanged(driver), "unchanged"), cases, seed: 7 });
  const failures = report.cases.filter(({ verdict }) => verdict !== "pass" && verdict !== "not-applicable");
  expect(failures.map(({ id, detail }) => `${id}: ${detail}`)).toEqual([]);
  expect(report.cases).toHaveLength(ids.size);
});

describe("the list", () => {
  test("has each id and name once, and for each mutant of the first tier two cases or more", () => {
    for (const key of ["id", "name"] as const) {
      expect(new Set(MUTANTS.map((mutant) => mutant[key])).size).toBe(MUTANTS.length);
    }
    expect(TIER_A).toHaveLength(28);
    expect(TIER_A.filter(({ killers }) => killers.length < 2)).toEqual([]);
    const known = new Set(ALL_CASES.map(({ id }) => id));
    expect(MUTANTS.flatMap(({ killers }) => killers).filter((id) => !known.has(id))).toEqual([]);
  });

  test("is the table of docs/mutants.md", () => {
    const page = readFileSync(fileURLToPath(new URL("../../../docs/mutants.md", import.meta.url)), "utf8");
    expect(page.match(/^\| (id|-|M\d).*$/gm)?.join("\n")).toBe(mutantTable(MUTANTS).replace("\n|---|---|---|---|", ""));
  });
});

describe("what a case makes of a mutant", () => {
  const fault = { id: "M00", name: "none", fault: "none", wrap: unchanged };
  const judge = (killers: readonly string[], wrap: Mutant["wrap"] = unchanged) => {
    const mutant = { ...fault, killers, wrap };
    return judgeMutant(mutant, harnessOver(wrap(driver), "judged", { timing: { ...HASTE, scale: 0.05 } }), { seed: 7 });
  };

  test("nothing, where it passes or does not apply", async () => {
    const { verdict, attempts, isAsListed } = await judge(["CALL-10", "FLT-01"]);
    expect({ verdict, isAsListed }).toEqual({ verdict: "survived", isAsListed: false });
    expect(attempts.map(({ caseId, kill }) => `${caseId} ${kill}`)).toEqual(["CALL-10 survived", "FLT-01 not-run"]);
    expect((await judge(["FLT-01"])).verdict).toBe("not-run");
  });

  test("a case that is not there is an error", async () => {
    await expect(judge(["NONE-01"])).rejects.toThrow("NONE-01");
  });
});

afterAll(() => {
  for (const bus of ["judged", "unchanged"]) fakeBus(bus).reset();
});
