import { registerConformance, vitestPort } from "@trunkline/conformance";
import { afterAll, describe, expect, it } from "vitest";
import { harness } from "../src/conformance.js";
import { findRedis } from "../src/private-redis.js";

const isRequired = (process.env["TRUNKLINE_REQUIRE"] ?? "").split(",").includes("redis");

describe.skipIf(!isRequired && findRedis() === undefined)("with a Redis of its own", () => {
  registerConformance(vitestPort({ describe, it, afterAll }), harness, {
    onReport(report) {
      expect(report.level).toBe("core");
      expect(report.counts.pass).toBeGreaterThan(150);
    },
  });
});
