import { ALL_CASES, levelOf, registerConformance, vitestPort } from "@trunkline/conformance";
import { harness } from "@trunkline/rabbit/conformance";
import { afterAll, describe, expect, it } from "vitest";
import { hasPrivateRabbit } from "../../../test/support/rabbit.js";

/** The whole kit, strictly, is in the full tier (`rabbit.full.test.ts`): faults take as long as all else. */
describe.skipIf(!hasPrivateRabbit)("with a RabbitMQ of its own", () => {
  registerConformance(vitestPort({ describe, it, afterAll }), harness, {
    cases: ALL_CASES.filter((test) => levelOf(test) === "core"),
    onReport(report) {
      // Some claims are proven by faults alone.
      const unproven = report.cases.filter(({ verdict }) => verdict === "unproven").map(({ id }) => id);
      expect(unproven).toEqual(["MAN-03"]);
      expect(report.clauses.filter(({ verdict }) => verdict === "broken")).toEqual([]);
      expect(report.cases.length).toBeGreaterThan(190);
    },
  });
});
