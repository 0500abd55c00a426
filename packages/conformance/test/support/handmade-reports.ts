import type { Capabilities } from "@trunkline/core";
import { defineCapabilities } from "@trunkline/core/driver";
import type { ConformanceCase } from "../../src/case.js";
import { buildReport, type CaseResult, type Report, type ReportInput, type Verdict } from "../../src/report.js";

/** A manifest that claims little, and does not contradict itself. */
export const MANIFEST: Capabilities = defineCapabilities({
  rpc: true,
  events: true,
  fanout: true,
  serverDirected: true,
  exchanges: true,
  exactNames: true,
  pools: true,
  requeue: false,
  redelivery: false,
  batches: false,
  streaming: false,
  cancel: false,
  callMonitor: false,
  binary: true,
  bigint: false,
  date: false,
  gracefulDrain: false,
  storesOffline: false,
  crossProcess: false,
  realms: true,
  failover: false,
  tls: false,
  auth: false,
  redeliveryInfo: false,
  acceptance: { casts: "transport", events: "transport" },
  undeliverable: "none",
  peerDeath: "none",
  ordering: "none",
  backpressure: "block",
  eventContext: "filtered",
  maxMessageBytes: 1_000,
  detectionMs: 0,
  joinLatencyMs: 0,
  recoveryMs: 0,
  duplicateWindow: { ids: 1, ms: 1 },
});

export function caseNamed(id: string, more: Partial<ConformanceCase> = {}): ConformanceCase {
  return {
    id,
    title: `the case ${id}`,
    group: "rpc.call",
    clauses: ["B1"],
    needs: [],
    run: async (t) => t.saw(),
    ...more,
  };
}

export function resultNamed(id: string, verdict: Verdict, more: Partial<CaseResult> = {}): CaseResult {
  const base = { id, title: `the case ${id}`, group: "rpc.call", level: "core", clauses: ["B1"] } as const;
  return { ...base, kind: "positive", proves: [], verdict, evidence: 3, seed: 99, ms: 12.3, notes: [], ...more };
}

/** What a run of these cases would have come to. */
export function reportOf(results: readonly CaseResult[], more: Partial<ReportInput> = {}): Report {
  return buildReport({
    harness: {
      name: "hand://made",
      isolatesSpaces: true,
      createTransport: () => Promise.reject(new Error("no driver")),
    },
    versions: { "hand-made": "1.2.3" },
    claims: MANIFEST,
    seed: 7,
    stretch: 1,
    isStrict: false,
    known: results.map(({ id }) => caseNamed(id)),
    startedAt: new Date("2030-01-02T03:04:05Z"),
    ms: 1_500,
    results,
    isFailure: ({ verdict }) => verdict === "fail" || verdict === "vacuous",
    isCutShort: false,
    isPartial: false,
    ...more,
  });
}
