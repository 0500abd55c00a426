import { type CaseResult, type ConformanceHarness, harnessFromUrl, runConformance } from "@trunkline/conformance";
import type { Capabilities, DriverFactory } from "@trunkline/core";
import { driver } from "@trunkline/fake";
import { harness as fake } from "@trunkline/fake/conformance";
import { osloHarness, harness as rabbit } from "@trunkline/rabbit/conformance";
import { harness as zmq } from "@trunkline/zmq/conformance";
import { expect, test } from "vitest";

/** The fake, with another manifest on the way out: nothing of core has seen it. */
function claiming(change: Partial<Capabilities>): DriverFactory {
  return {
    ...driver,
    capabilities: (url) => Object.freeze({ ...driver.capabilities(url), ...change }),
    async open(url, host, options) {
      const opened = await driver.open(url, host, options);
      const capabilities = Object.freeze({ ...opened.capabilities, ...change });
      return new Proxy(opened, {
        get(target, key) {
          if (key === "capabilities") return capabilities;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}

async function resultOf(id: string, harness: ConformanceHarness): Promise<CaseResult | undefined> {
  const report = await runConformance({ harness, only: new RegExp(`^${id}$`) });
  return report.cases[0];
}

const over = (change: Partial<Capabilities>, claims?: Partial<Capabilities>): ConformanceHarness =>
  harnessFromUrl("fake://claims", { drivers: [claiming(change)], ...(claims === undefined ? {} : { claims }) });

test("MAN-01: a manifest that is not what is pinned fails, with the key and both values", async () => {
  const own = driver.capabilities({ options: {}, hosts: [] } as never);
  expect((await resultOf("MAN-01", over({}, own)))?.verdict).toBe("pass");
  expect((await resultOf("MAN-01", over({}, { pools: true })))?.verdict).toBe("pass");
  const lost = await resultOf("MAN-01", over({ redelivery: false }, own));
  expect(lost).toMatchObject({ verdict: "fail", detail: "the manifest: redelivery: held to true, it says false" });
  const acceptance = { casts: "durable", events: "transport" } as const;
  const more = await resultOf("MAN-01", over({}, { acceptance, tls: true }));
  expect(more?.detail).toContain(
    "acceptance: held to { casts: 'durable', events: 'transport' }, it says { casts: 'transport'",
  );
  expect(more?.detail).toContain("tls: held to true, it says false");
});

test("what is pinned and no longer claimed is still asked for: the case runs, and fails", async () => {
  const { verdict } = (await resultOf("CALL-01", over({ rpc: false }, { rpc: true }))) ?? {};
  expect(verdict).toBe("fail");
  // Believed, where nothing is pinned.
  expect((await resultOf("CALL-01", over({ rpc: false, cancel: false, callMonitor: false })))?.verdict).toBe(
    "not-applicable",
  );
});

test("MAN-05: a manifest that contradicts itself fails, whether the driver or the harness says so", async () => {
  expect((await resultOf("MAN-05", over({})))?.verdict).toBe("pass");
  const own = await resultOf(
    "MAN-05",
    over({ storesOffline: false, acceptance: { casts: "transport", events: "durable" } }),
  );
  expect(own?.detail).toBe("the driver's manifest: acceptance.events=durable is claimed without storesOffline");
  const pinned = await resultOf("MAN-05", over({}, { rpc: false }));
  expect(pinned?.detail).toContain(
    "what it is held to: callMonitor is claimed without rpc; cancel is claimed without rpc",
  );
});

test("a deviation that names no case ends a run before it begins", async () => {
  const deviations = [{ caseId: "CALL-99", reason: "r", url: "u", expires: "2999-01-01" }];
  const harness = harnessFromUrl("fake://claims", { drivers: [driver], deviations });
  await expect(runConformance({ harness })).rejects.toThrow("CALL-99: there is no such case");
});

test("every driver of this repository pins its whole manifest, and deviates nowhere", () => {
  for (const harness of [fake, zmq, rabbit, osloHarness]) {
    expect(Object.keys(harness.claims ?? {}).toSorted(), harness.name).toEqual(
      Object.keys(fake.claims ?? {}).toSorted(),
    );
    expect(harness.deviations ?? [], harness.name).toEqual([]);
  }
  expect(Object.keys(fake.claims ?? {})).toHaveLength(35);
});
