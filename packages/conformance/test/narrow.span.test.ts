import { ALL_CASES, harnessFromUrl, runConformance } from "@trunkline/conformance";
import { driver } from "@trunkline/fake";
import { expect, test } from "vitest";
import { unmetNeed } from "../src/case.js";
import { narrow } from "./support/narrow-driver.js";

/** What does not apply where the three are not claimed; every other case runs there as on the driver inside. */
const CLAIMED = ["FAN-10", "FAN-11", "ISO-01", "ISO-11", "ISO-12", "NOTE-11", "POOL-07"];

/** What is asked instead. */
const REFUSALS = ["ISO-R1", "ISO-R2", "NOTE-R4"];

test("a driver without exchanges, exact names and a filter of its own passes all the rest", {
  timeout: 120_000,
}, async () => {
  const harness = harnessFromUrl("fake://narrow", { drivers: [narrow(driver)] });
  const report = await runConformance({ harness, seed: 7 });
  const failures = report.cases.filter(({ verdict }) => verdict === "fail" || verdict === "vacuous");
  expect(failures.map(({ id, detail }) => `${id}: ${detail}`)).toEqual([]);
  expect(report.level).toBe("core");
  const whole = { ...report.claims, exchanges: true, exactNames: true, eventContext: "filtered" } as const;
  const idle = new Set(report.cases.filter(({ verdict }) => verdict === "not-applicable").map(({ id }) => id));
  const idleOnWhole = ALL_CASES.filter((one) => unmetNeed(one, whole, new Set(), false)?.verdict === "not-applicable");
  const expected = idleOnWhole.map(({ id }) => id).filter((id) => !REFUSALS.includes(id));
  expect([...idle].toSorted()).toEqual([...expected, ...CLAIMED].toSorted());
});
