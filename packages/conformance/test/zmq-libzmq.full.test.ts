import { registerConformance, vitestPort } from "@trunkline/conformance";
import { libzmqHarness } from "@trunkline/zmq/conformance";
import { afterAll, describe, expect, it } from "vitest";

registerConformance(vitestPort({ describe, it, afterAll }), libzmqHarness, {
  onReport(report) {
    const clauses = report.clauses.filter(({ verdict }) => verdict === "broken" || verdict === "unproven");
    // A known deviation, which the harness names; engine=zmtp has none.
    expect(clauses.map(({ id, because }) => [id, because])).toEqual([["E5", ["FLT-06"]]]);
    expect(report.cases.length).toBeGreaterThan(170);
  },
});
