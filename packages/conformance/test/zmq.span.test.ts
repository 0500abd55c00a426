import { registerConformance, vitestPort } from "@trunkline/conformance";
import { harness } from "@trunkline/zmq/conformance";
import { afterAll, describe, expect, it } from "vitest";

registerConformance(vitestPort({ describe, it, afterAll }), harness, {
  onReport(report) {
    const clauses = report.clauses.filter(({ verdict }) => verdict === "broken" || verdict === "unproven");
    expect(clauses).toEqual([]);
    expect(report.cases.length).toBeGreaterThan(170);
  },
});
