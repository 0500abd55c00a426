import { expect, test } from "vitest";
import { highestLevel, judgeLevels, type Level, levelOf, whyNoHigher } from "../src/level.js";
import type { CaseResult, Verdict } from "../src/report.js";
import { caseNamed, resultNamed } from "./support/handmade-reports.js";

test("a case belongs to the level of what it does to a backend", () => {
  expect(levelOf({ id: "X-1", group: "rpc.call", needs: ["rpc"] })).toBe("core");
  expect(levelOf({ id: "X-1", group: "processes", needs: ["rpc", "ability:workers"] })).toBe("core");
  expect(levelOf({ id: "X-1", group: "faults", needs: ["rpc", "ability:workers"] })).toBe("resilient");
  expect(levelOf({ id: "FLT-09", group: "processes", needs: ["rpc", "ability:workers"] })).toBe("resilient");
  expect(levelOf({ id: "X-1", group: "lifecycle", needs: ["ability:cuts"] })).toBe("resilient");
  expect(levelOf({ id: "X-1", group: "lifecycle", needs: ["ability:relay"] })).toBe("resilient");
  expect(levelOf({ id: "X-1", group: "faults", needs: ["ability:relay", "ability:broker"] })).toBe("durable");
  expect(levelOf({ id: "X-1", group: "stress", needs: ["ability:broker"] })).toBe("soaked");
});

const KNOWN = [
  caseNamed("CORE-1"),
  caseNamed("CORE-2"),
  caseNamed("CUT-1", { needs: ["ability:relay"] }),
  caseNamed("KILL-1", { needs: ["ability:broker"] }),
  caseNamed("STR-1", { group: "stress" }),
];

const LEVEL_OF: Readonly<Record<string, Level>> = { CUT: "resilient", KILL: "durable", STR: "soaked" };

function judged(verdicts: Readonly<Record<string, Verdict>>, isStrict = false) {
  const results: CaseResult[] = Object.entries(verdicts).map(([id, verdict]) =>
    resultNamed(id, verdict, { level: LEVEL_OF[id.split("-")[0] ?? ""] ?? "core" }),
  );
  const levels = judgeLevels(results, KNOWN, isStrict);
  return { level: highestLevel(levels), why: whyNoHigher(levels), verdicts: levels.map(({ verdict }) => verdict) };
}

test("a level is reached when all of it and of those below it passed", () => {
  const core = { "CORE-1": "pass", "CORE-2": "pass" } as const;
  expect(judged(core)).toMatchObject({ level: "core", why: "resilient: 1 cases not run" });
  expect(judged({ ...core, "CUT-1": "pass" }).level).toBe("resilient");
  expect(judged({ ...core, "CUT-1": "pass", "KILL-1": "pass" }).level).toBe("durable");
  const all = { ...core, "CUT-1": "pass", "KILL-1": "pass", "STR-1": "pass" } as const;
  expect(judged(all)).toEqual({ level: "soaked", why: undefined, verdicts: Array(4).fill("reached") });
  // The broker's death was survived, the cut link was not.
  expect(judged({ ...all, "CUT-1": "fail" })).toMatchObject({ level: "core", why: "resilient: CUT-1 failed" });
});

test.each(["fail", "vacuous", "deviation"] as const)("%s keeps the level from being reached", (verdict) => {
  expect(judged({ "CORE-1": "pass", "CORE-2": verdict })).toMatchObject({ level: "none", why: "core: CORE-2 failed" });
});

test("a level of which a case was left out is not reached", () => {
  expect(judged({ "CORE-1": "pass" })).toMatchObject({ level: "none", why: "core: 1 cases not run" });
});

test("what could not be proven stands beside core, and keeps every other level from being reached", () => {
  const some = { "CORE-1": "pass", "CORE-2": "unproven" } as const;
  expect(judged(some).level).toBe("core");
  expect(judged(some, true)).toMatchObject({ level: "none", why: "core: CORE-2 unproven" });
  expect(judged({ "CORE-1": "unproven", "CORE-2": "unproven" }).level).toBe("none");
  const core = { "CORE-1": "pass", "CORE-2": "pass" } as const;
  expect(judged({ ...core, "CUT-1": "unproven" })).toMatchObject({ level: "core", why: "resilient: CUT-1 unproven" });
});

test("a level that is not about the driver is stepped over, and is not reached by that", () => {
  const brokerless = { "CORE-1": "pass", "CORE-2": "not-applicable", "KILL-1": "not-applicable" } as const;
  const found = judged({ ...brokerless, "CUT-1": "pass" });
  expect(found).toMatchObject({ level: "resilient", verdicts: ["reached", "reached", "not-applicable", "not-run"] });
  expect(judged({ ...brokerless, "CUT-1": "not-applicable" }).level).toBe("core");
  expect(judged({ ...brokerless, "CUT-1": "pass", "STR-1": "pass" }).level).toBe("soaked");
});
