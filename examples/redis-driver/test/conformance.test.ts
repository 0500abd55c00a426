import { ALL_CASES, levelOf, registerConformance, vitestPort } from "@trunkline/conformance";
import { NotSupportedError, openTransport } from "@trunkline/core";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { harness } from "../src/conformance.js";
import { driver } from "../src/index.js";
import { findRedis, PrivateRedis } from "../src/private-redis.js";

const isRequired = (process.env["TRUNKLINE_REQUIRE"] ?? "").split(",").includes("redis");
const isSkipped = !isRequired && findRedis() === undefined;
if (isSkipped)
  console.error("\nNO REDIS: tests of examples/redis-driver are skipped; install redis-server 7 or newer\n");

/** The whole kit, from which the level comes, is in the full tier (`whole-kit.full.test.ts`). */
describe.skipIf(isSkipped)("with a Redis of its own", () => {
  registerConformance(vitestPort({ describe, it, afterAll }), harness, {
    cases: ALL_CASES.filter((test) => levelOf(test) === "core"),
    onReport(report) {
      expect(report.passed).toBe(true);
      expect(report.counts.pass).toBeGreaterThan(140);
    },
  });
});

describe.skipIf(isSkipped)("what it does not do is refused by name", () => {
  let redis: PrivateRedis;
  beforeAll(async () => {
    redis = await PrivateRedis.start();
  });
  afterAll(() => redis.process.end());

  test.each([
    ["failover", "redis://127.0.0.1:1,127.0.0.1:2"],
    ["auth", "redis://user:secret@127.0.0.1:1"],
  ])("%s, before anything is dialled", async (capability, url) => {
    const error = await openTransport(url, { drivers: [driver] }).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(NotSupportedError);
    expect(error).toMatchObject({ capability, driver: driver.name });
    expect(String(error)).not.toContain("secret");
  });

  test("monitoring and asking again, where they are first asked for", async () => {
    const transport = await openTransport(`redis://127.0.0.1:${redis.port}`, { drivers: [driver] });
    try {
      expect(() => transport.client({ topic: "t" }, { monitorMs: 1_000 })).toThrow(
        expect.objectContaining({ capability: "callMonitor", driver: driver.name }),
      );
      const listening = transport.listen([{ topic: "t" }], [{ info: () => {} }], { onError: "requeue" });
      await expect(listening).rejects.toMatchObject({ capability: "requeue", driver: driver.name });
      expect(() => transport.require({ cancel: true })).toThrow(NotSupportedError);
    } finally {
      await transport.close();
    }
  });

  test("noise in a list is counted and harms nobody", async () => {
    const transport = await openTransport(`redis://127.0.0.1:${redis.port}/noisy`, { drivers: [driver] });
    try {
      const dropped: string[] = [];
      transport.events.on("dropped", ({ reason }) => dropped.push(reason));
      await transport.serve({ topic: "t", server: "s" }, { echo: ({ text }: { text: string }) => text });
      const writer = await openTransport(`redis://127.0.0.1:${redis.port}/noisy`, { drivers: [driver] });
      await redis.command("RPUSH", "trunkline:list:rpc:noisy:default:t", "noise");
      expect(await writer.client({ topic: "t" }).call("echo", { text: "still here" })).toBe("still here");
      expect(dropped).toEqual(["it is no message"]);
      await writer.close();
    } finally {
      await transport.close();
    }
  });
});
