import { ALL_CASES, levelOf, registerConformance, vitestPort } from "@trunkline/conformance";
import { libzmqHarness } from "@trunkline/zmq/conformance";
import { afterAll, describe, expect, it } from "vitest";

/** The whole kit is in the full tier (`zmq-libzmq.full.test.ts`). */
registerConformance(vitestPort({ describe, it, afterAll }), libzmqHarness, {
  cases: ALL_CASES.filter((test) => levelOf(test) === "core"),
  onReport(report) {
    expect(report.clauses.filter(({ verdict }) => verdict === "broken")).toEqual([]);
    expect(report.cases.length).toBeGreaterThan(170);
  },
});
