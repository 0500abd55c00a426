import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConformanceHarness, harnessFromUrl, runConformance, unchanged } from "@trunkline/conformance";
import { openTransport } from "@trunkline/core";
import type { DriverFactory } from "@trunkline/core/driver";
import { driver as rabbitDriver } from "@trunkline/rabbit";
import { driver as zmqDriver } from "@trunkline/zmq";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRabbit, rabbitForTests } from "../../../test/support/rabbit.js";
import { heartbeatForTheDead } from "../src/mutants/tier-b/heartbeat-dead.js";
import { secretLeak } from "../src/mutants/tier-b/secret-leak.js";
import { trustsWire } from "../src/mutants/tier-b/trusts-wire.js";
import { wrongLayer } from "../src/mutants/tier-b/wrong-layer.js";

type Wrap = (factory: DriverFactory) => DriverFactory;

/** Hopeless waits are cut short, but not so that a process has no time to start. */
const timing = { waitMs: 4_000 };

async function verdicts(harness: ConformanceHarness, ...ids: string[]): Promise<string[]> {
  const { cases } = await runConformance({ harness, only: new RegExp(`^(${ids.join("|")})$`), seed: 7 });
  expect(cases.filter(({ isHung }) => isHung === true)).toEqual([]);
  return cases.map(({ id, verdict }) => `${id} ${verdict}`);
}

describe("over zmq", () => {
  let runtimeDir = "";
  beforeAll(async () => {
    runtimeDir = await mkdtemp(join(tmpdir(), "trunkline-mutants-"));
  });
  afterAll(() => rm(runtimeDir, { recursive: true, force: true }));

  /** Broken here; the child processes have the driver as it is. */
  function harnessOver(wrap: Wrap): ConformanceHarness {
    const place = (dir: string): string => `zmq://?runtimeDir=${encodeURIComponent(dir)}`;
    const resolveFrom = import.meta.dirname;
    const { workerSource } = harnessFromUrl(place(runtimeDir), { resolveFrom });
    // A directory cannot be made below a file.
    const deadUrl = place(join(import.meta.filename, "below"));
    const harness = harnessFromUrl(place(runtimeDir), { drivers: [wrap(zmqDriver)], deadUrl, timing });
    return { ...harness, isBrokerless: true, ...(workerSource === undefined ? {} : { workerSource }) };
  }

  test("one that hears of no trouble with a connection fails ERR-09", async () => {
    expect(await verdicts(harnessOver(wrongLayer), "ERR-09")).toEqual(["ERR-09 fail"]);
  });

  test("one that trusts what comes over the wire fails PAY-10", async () => {
    expect(await verdicts(harnessOver(trustsWire), "PAY-10")).toEqual(["PAY-10 fail"]);
  });

  test("one that beats for a server which is dead fails TIME-11", async () => {
    expect(await verdicts(harnessOver(heartbeatForTheDead), "TIME-11")).toEqual(["TIME-11 fail"]);
  });

  test("one that is not broken passes them", async () => {
    const passed = ["ERR-09 pass", "TIME-11 pass", "PAY-10 pass"];
    expect(await verdicts(harnessOver(unchanged), "ERR-09", "TIME-11", "PAY-10")).toEqual(passed);
  });
});

const rabbit = rabbitForTests();

describe.skipIf(!hasRabbit)("over RabbitMQ", () => {
  /** Within the vhost of this file, whose password is the one of its URL. */
  function harnessOver(wrap: Wrap): ConformanceHarness {
    const drivers = [wrap(rabbitDriver)];
    const harness = harnessFromUrl(rabbit.url(), {
      ...{ drivers, timing, spaces: "names" },
      deadUrl: "rabbit://127.0.0.1:1",
    });
    return {
      ...harness,
      offers: ["credentials"],
      createTransport: (request) =>
        request.credentials === "wrong"
          ? openTransport(rabbit.url({ password: "wrong" }), { ...request.options, drivers })
          : harness.createTransport(request),
    };
  }

  test("one that tells refused credentials as a timeout fails SEC-01", async () => {
    expect(await verdicts(harnessOver(wrongLayer), "SEC-01", "ERR-09")).toEqual(["ERR-09 fail", "SEC-01 fail"]);
  });

  test("one that tells its password fails ERR-14", async () => {
    expect(await verdicts(harnessOver(secretLeak), "ERR-11", "ERR-14")).toEqual(["ERR-11 pass", "ERR-14 fail"]);
  });

  test("one that is not broken passes them", async () => {
    const passed = ["ERR-09 pass", "ERR-11 pass", "SEC-01 pass", "ERR-14 pass"];
    expect(await verdicts(harnessOver(unchanged), "SEC-01", "ERR-09", "ERR-11", "ERR-14")).toEqual(passed);
  });
});
