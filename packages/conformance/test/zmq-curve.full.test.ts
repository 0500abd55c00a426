import { registerConformance, vitestPort } from "@trunkline/conformance";
import { curveHarness, mixedCurveHarness, zmtpCurveHarness } from "@trunkline/zmq/conformance";
import { afterAll, describe, expect, it } from "vitest";

describe.each([
  ["libzmq", curveHarness],
  ["zmtp", zmtpCurveHarness],
  ["both", mixedCurveHarness],
])("zmq with CURVE over %s", (_name, harness) => {
  registerConformance(vitestPort({ describe, it, afterAll }), harness, {
    onReport(report) {
      const clauses = report.clauses.filter(({ verdict }) => verdict === "broken" || verdict === "unproven");
      expect(clauses).toEqual([]);
      expect(report.cases.length).toBeGreaterThan(170);
    },
  });
});
