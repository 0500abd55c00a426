import { registerConformance, vitestPort } from "@trunkline/conformance";
import { harness } from "@trunkline/rabbit/conformance";
import { afterAll, describe, expect, it } from "vitest";
import { hasPrivateRabbit } from "../../../test/support/rabbit.js";

describe.skipIf(!hasPrivateRabbit)("with a RabbitMQ of its own", () => {
  registerConformance(vitestPort({ describe, it, afterAll }), harness, {
    strict: true,
    onReport(report) {
      const clauses = report.clauses.filter(({ verdict }) => verdict === "broken" || verdict === "unproven");
      expect(clauses).toEqual([]);
      expect(report.cases.length).toBeGreaterThan(190);
    },
  });
});
