import type { Capabilities } from "@trunkline/core";
import { describe, expect, test } from "vitest";
import { claimsThatDiffer, contradictionsOf, heldTo } from "../src/claims.js";
import { checkDeviations, withDeviation } from "../src/deviations.js";
import type { Deviation } from "../src/harness.js";
import { MANIFEST, resultNamed } from "./support/handmade-reports.js";

describe("pinned claims", () => {
  test("the whole manifest or some keys: what is not pinned is the driver's own word", () => {
    expect(heldTo(MANIFEST, undefined)).toEqual(MANIFEST);
    expect(heldTo(MANIFEST, { pools: false })).toEqual({ ...MANIFEST, pools: false });
    // As a JavaScript harness may write it.
    expect(heldTo(MANIFEST, { pools: undefined } as never)).toEqual(MANIFEST);
  });

  test("each key that differs is told, deeply, with both values", () => {
    expect(claimsThatDiffer(MANIFEST, { ...MANIFEST })).toEqual([]);
    const own = { ...MANIFEST, pools: false, acceptance: { casts: "durable", events: "transport" } };
    expect(claimsThatDiffer(MANIFEST, own)).toEqual([
      "pools: held to true, it says false",
      "acceptance: held to { casts: 'transport', events: 'transport' }, it says { casts: 'durable', events: 'transport' }",
    ]);
    expect(claimsThatDiffer({}, { strange: 1 })).toEqual(["strange: held to undefined, it says 1"]);
  });
});

test.each<[string, Partial<Capabilities>, string]>([
  ["pools", { events: false }, "pools is claimed without events"],
  ["redelivery", { redelivery: true, pools: false, events: false }, "redelivery is claimed without events"],
  ["callMonitor", { callMonitor: true, rpc: false }, "callMonitor is claimed without rpc"],
  ["cancel", { cancel: true, rpc: false }, "cancel is claimed without rpc"],
  ["streaming", { streaming: true, rpc: false }, "streaming is claimed without rpc"],
  [
    "durable events",
    { acceptance: { casts: "broker", events: "durable" } },
    "acceptance.events=durable is claimed without storesOffline",
  ],
  ["an amount", { recoveryMs: -1 }, "recoveryMs is -1, not a number from 0"],
  ["a window", { duplicateWindow: { ids: Number.NaN, ms: 1 } }, "duplicateWindow.ids is NaN, not a number from 0"],
])("what %s implies is claimed too", (_, change, told) => {
  expect(contradictionsOf(MANIFEST)).toEqual([]);
  expect(contradictionsOf({ ...MANIFEST, ...change })).toEqual([told]);
});

function deviationOf(caseId: string, more: Partial<Deviation> = {}): Deviation {
  return { caseId, reason: "known", url: "https://example.org/1", expires: "2999-01-01", ...more };
}

describe("deviations", () => {
  test("each names a case that there is, once, with a reason, a place and a day", () => {
    const known = new Set(["CALL-01", "CALL-02"]);
    expect(() => checkDeviations([deviationOf("CALL-01"), deviationOf("CALL-02")], known)).not.toThrow();
    expect(() => checkDeviations([deviationOf("CALL-99")], known)).toThrow("CALL-99: there is no such case");
    expect(() => checkDeviations([deviationOf("CALL-01"), deviationOf("CALL-01")], known)).toThrow("listed twice");
    const bare = deviationOf("CALL-01", { reason: " ", url: "", expires: "soon" });
    expect(() => checkDeviations([bare], known)).toThrow(
      'CALL-01: no reason, no url where it is written down, expires is no date as 2030-01-31: "soon"',
    );
  });

  test.each(["fail", "vacuous"] as const)(
    "a case that ends %s is a deviation until its day, and says until when",
    (verdict) => {
      const result = withDeviation(resultNamed("CALL-01", verdict, { detail: "lost m3" }), deviationOf("CALL-01"));
      expect(result.verdict).toBe("deviation");
      expect(result.detail).toBe("known (https://example.org/1); until 2999-01-01; lost m3");
    },
  );

  test("an unexpected pass is an error", () => {
    const result = withDeviation(resultNamed("CALL-01", "pass"), deviationOf("CALL-01"));
    expect(result).toMatchObject({ verdict: "fail", detail: expect.stringContaining("passes although it deviates") });
  });

  test.each(["pass", "fail", "unproven", "not-applicable"] as const)(
    "one whose day is over is an error: %s",
    (verdict) => {
      const result = withDeviation(resultNamed("CALL-01", verdict), deviationOf("CALL-01", { expires: "2001-01-01" }));
      expect(result).toMatchObject({ verdict: "fail", detail: expect.stringContaining("expired on 2001-01-01") });
    },
  );

  test.each(["MAN-01", "ISO-03", "SEC-02"])("%s admits none", (id) => {
    for (const verdict of ["fail", "pass", "not-applicable"] as const) {
      expect(withDeviation(resultNamed(id, verdict), deviationOf(id))).toMatchObject({
        verdict: "fail",
        detail: expect.stringContaining("no deviation is admitted here"),
      });
    }
  });

  test("what could not run is told as that", () => {
    for (const verdict of ["unproven", "not-applicable"] as const) {
      expect(withDeviation(resultNamed("CALL-01", verdict), deviationOf("CALL-01")).verdict).toBe(verdict);
    }
  });
});
