import { registerConformance, vitestPort } from "@trunkline/conformance";
import { mixedHarness } from "@trunkline/zmq/conformance";
import { afterAll, describe, expect, it } from "vitest";

registerConformance(vitestPort({ describe, it, afterAll }), mixedHarness, {
  onReport(report) {
    const clauses = report.clauses.filter(({ verdict }) => verdict === "broken" || verdict === "unproven");
    expect(clauses).toEqual([]);
    expect(report.cases.length).toBeGreaterThan(170);
  },
});
