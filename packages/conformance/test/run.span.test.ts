import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import {
  type CaseResult,
  type ConformanceCase,
  check,
  harnessFromUrl,
  nodeTestPort,
  type Report,
  registerConformance,
  reportJson,
  reportMarkdown,
  reportText,
  runConformance,
  type TestPort,
} from "@trunkline/conformance";
import { TimeoutError, type Transport, UnreachableError } from "@trunkline/core";
import { driver } from "@trunkline/fake";
import { expect, test } from "vitest";

const harness = harnessFromUrl("fake://run", { drivers: [driver], timing: { waitMs: 500, idleMs: 100 } });

function caseOf(id: string, run: ConformanceCase["run"], more: Partial<ConformanceCase> = {}): ConformanceCase {
  return { id, title: `the case ${id}`, group: "rpc.call", clauses: ["B1"], needs: [], run, ...more };
}

async function verdictOf(one: ConformanceCase, options: object = {}): Promise<CaseResult> {
  const report = await runConformance({ harness, cases: [one], ...options });
  const [result] = report.cases;
  if (result === undefined) throw new Error("nothing was judged");
  return result;
}

const good = caseOf("GOOD-1", async (t) => t.saw());
const bad = caseOf("BAD-1", async () => check(false, "it is not so"));

test("a case that saw something passes, one that saw nothing is vacuous, and a vacuous run has not passed", async () => {
  expect((await verdictOf(good)).verdict).toBe("pass");
  const report = await runConformance({ harness, cases: [caseOf("VAIN-1", async () => {})] });
  expect(report.cases[0]?.verdict).toBe("vacuous");
  expect(report).toMatchObject({ passed: false, level: "none" });
  expect(report.clauses.find(({ id }) => id === "B1")?.verdict).toBe("broken");
});

test("a fence whose sentinel never comes fails, and names it", async () => {
  const result = await verdictOf(
    caseOf("FENCE-1", async (t) => {
      const history = t.history();
      history.ok(history.invoke("fence", [["s1"]]));
      await t.verify(history);
    }),
  );
  expect(result).toMatchObject({ verdict: "fail", detail: expect.stringContaining("missing: fence at s1") });
});

test("a case that hangs fails at its own deadline, and says what it waited for", async () => {
  const endless = caseOf("HANG-1", (t) => t.within("a day", new Promise<void>(() => {}), 86_400_000), {
    timeoutMs: 100,
  });
  const result = await verdictOf(endless);
  expect(result).toMatchObject({ verdict: "fail", isHung: true, detail: expect.stringContaining("waiting for a day") });
});

test("what a case leaves open fails it", async () => {
  const timers: NodeJS.Timeout[] = [];
  const leaving = caseOf("LEAK-1", async (t) => {
    t.saw();
    // Several, as a runner's own timer may end meanwhile and be taken for one of them.
    for (let n = 0; n < 5; n++) timers.push(setTimeout(() => {}, 60_000));
  });
  const result = await verdictOf(leaving);
  for (const timer of timers) clearTimeout(timer);
  expect(result).toMatchObject({
    verdict: "fail",
    detail: expect.stringMatching(/left open after the case: \d Timeout/),
  });
});

test("a socket of an add-on that is left open fails its case, though Node does not list it", () => {
  const program = `
    import { countNativePolls } from "${new URL("../dist/native-handles.js", import.meta.url).href}";
    import { Dealer } from "zeromq";
    const before = countNativePolls();
    const socket = new Dealer();
    socket.receive().catch(() => {});
    const during = countNativePolls();
    socket.close();
    setImmediate(() => console.log(JSON.stringify([before, during > before, countNativePolls()])));
  `;
  const cwd = fileURLToPath(new URL("../../zmq", import.meta.url));
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd, encoding: "utf8" });
  expect(JSON.parse(printed)).toEqual([0, true, 0]);
});

test("the manifest decides what applies, the harness what can be proven", async () => {
  const unclaimed = await verdictOf(caseOf("NEED-1", good.run, { needs: ["auth"] }));
  expect(unclaimed).toMatchObject({ verdict: "not-applicable", detail: "the manifest does not claim auth" });
  const claimed = await verdictOf(caseOf("NEED-2", good.run, { needs: ["!pools"] }));
  expect(claimed).toMatchObject({ verdict: "not-applicable", detail: "the manifest claims pools" });
  const graded = await verdictOf(caseOf("NEED-3", good.run, { needs: ["acceptance.events=durable"] }));
  expect(graded.verdict).toBe("not-applicable");
  expect(await verdictOf(caseOf("NEED-4", good.run, { needs: ["ordering=per-target"] }))).toMatchObject({
    verdict: "pass",
    proves: ["ordering"],
  });
  const strict = await runConformance({
    harness,
    strict: true,
    cases: [caseOf("NEED-5", good.run, { needs: ["ability:workers"] })],
  });
  expect(strict.cases[0]?.verdict).toBe("unproven");
  expect(strict.passed).toBe(false);
});

test("a deviation must fail and must not be over; some groups admit none", async () => {
  const known = (caseId: string, expires: string) => ({
    harness: { ...harness, deviations: [{ caseId, reason: "known", url: "https://example.org/1", expires }] },
  });
  expect((await verdictOf(bad, known("BAD-1", "2999-01-01"))).verdict).toBe("deviation");
  expect(await verdictOf(bad, known("BAD-1", "2001-01-01"))).toMatchObject({
    verdict: "fail",
    detail: expect.stringContaining("expired"),
  });
  expect(await verdictOf(good, known("GOOD-1", "2999-01-01"))).toMatchObject({
    verdict: "fail",
    detail: expect.stringContaining("passes although"),
  });
  const manifest = caseOf("MAN-99", bad.run);
  expect(await verdictOf(manifest, known("MAN-99", "2999-01-01"))).toMatchObject({
    verdict: "fail",
    detail: expect.stringContaining("no deviation"),
  });
});

test("a seed repeats the names of a run", async () => {
  const names: string[] = [];
  const naming = caseOf("SEED-1", async (t) => {
    t.saw();
    names.push(t.name("topic"));
  });
  for (const seed of [7, 7, 8]) await verdictOf(naming, { seed });
  expect(names[0]).toBe(names[1]);
  expect(names[2]).not.toBe(names[0]);
});

test("a part of the kit may pass, and reaches no level", async () => {
  const report = await runConformance({ harness, cases: [good] });
  expect(report).toMatchObject({ passed: true, isPartial: true, level: "none" });
  expect(reportText(report)).toContain("passed, as a part of the kit");
});

test("a part's table has no row for a clause that none of its cases is about", async () => {
  const report = await runConformance({ harness, cases: [good] });
  const ofClauses = (text: string): string[] => text.match(/^(?:\| )?[A-I]\d*(?= )/gm) ?? [];
  expect(ofClauses(reportText(report))).toEqual(["B1"]);
  expect(ofClauses(reportMarkdown(report))).toEqual(["| B1"]);
  expect(ofClauses(reportText({ ...report, isPartial: false }))).toHaveLength(report.clauses.length);
});

test("a review with nothing to look back at is unproven, and breaks no clause", async () => {
  const report = await runConformance({ harness, only: /^review$/ });
  expect(report.cases.map(({ id, verdict }) => [id, verdict])).toEqual([
    ["ERR-14", "unproven"],
    ["MAN-03", "unproven"],
  ]);
  expect(report.clauses.filter(({ verdict }) => verdict === "broken")).toEqual([]);
});

test("a case is named before it runs", async () => {
  const told: string[] = [];
  const telling = caseOf("TELL-1", async (t) => {
    t.saw();
    told.push("runs");
  });
  await runConformance({
    harness,
    cases: [telling, good],
    onStart: ({ id }, { done, total }) => told.push(`${id} after ${done} of ${total}`),
  });
  expect(told).toEqual(["TELL-1 after 0 of 2", "runs", "GOOD-1 after 1 of 2"]);
});

test("an error that only bears the name is told as one of another copy of core", async () => {
  const strange = { UnreachableError: class UnreachableError extends Error {} };
  const rejecting = (error: Error) =>
    caseOf("COPY-1", (t) => t.rejects("the call", Promise.reject(error), UnreachableError).then(() => {}));
  const copied = await verdictOf(rejecting(new strange.UnreachableError("nobody")));
  expect(copied.detail).toContain(
    "expected UnreachableError, got UnreachableError of another copy of @trunkline/core, which is loaded twice: ",
  );
  expect((await verdictOf(rejecting(new Error("nobody")))).detail).not.toContain("copy");
  const own = await verdictOf(rejecting(new TimeoutError("too late")));
  expect(own.detail).toBe("the call: expected UnreachableError, got ERR_TIMEOUT: too late");
});

type Handlers = Record<string, (params: object) => unknown>;

/** The fake, but each `echo` is answered in microtasks, without a link. */
function hastyTransport(transport: Transport, endpoints: Handlers[]): Transport {
  return new Proxy(transport, {
    get(target, key) {
      if (key === "serve") {
        return (at: never, endpoint: never, options: never) => {
          endpoints.push(endpoint);
          return target.serve(at, endpoint, options);
        };
      }
      if (key === "client") {
        return (at: never, options: never) => {
          const client = target.client(at, options);
          const call = async (method: string, params: object, more: object) =>
            method === "echo" ? endpoints[0]?.["echo"]?.(params) : client.call(method, params, more);
          return { call };
        };
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("TIME-06 ends where replies come by microtask alone", async () => {
  const endpoints: Handlers[] = [];
  const createTransport: typeof harness.createTransport = async (request) =>
    hastyTransport(await harness.createTransport(request), endpoints);
  const report = await runConformance({
    harness: { ...harness, createTransport, timing: { waitMs: 5_000 } },
    only: /^TIME-06$/,
  });
  expect(report.cases.map(({ id, verdict, detail }) => [id, verdict, detail])).toEqual([
    ["TIME-06", "pass", undefined],
  ]);
});

test("a signal ends a run after the case that runs; it has not passed", async () => {
  const controller = new AbortController();
  const stopping = caseOf("STOP-1", async (t) => {
    t.saw();
    controller.abort();
  });
  const report = await runConformance({ harness, cases: [stopping, good], signal: controller.signal });
  expect(report).toMatchObject({ isCutShort: true, passed: false });
  expect(report.cases.map(({ id }) => id)).toEqual(["STOP-1"]);
  expect(reportText(report)).toContain("CUT SHORT");
});

test("a report is told as text, JSON and a page; colours only where they are wanted", async () => {
  const report = await runConformance({ harness, cases: [good, bad], seed: 3 });
  const text = reportText(report, { isColored: false });
  expect(text).toMatch(/^B1 +BROKEN \(BAD-1\) +2 /m);
  expect(text).toContain("FAIL BAD-1 [B1] the case BAD-1\n     it is not so");
  expect(text).toContain("1 pass, 1 fail");
  expect(text).not.toContain("\u001b[");
  expect(reportText(report, { isColored: true })).toContain("\u001b[31m");
  // What JSON gives back is what was told: nothing in it is more than data.
  expect(JSON.parse(reportJson(report))).toEqual(report);
  expect(reportMarkdown(report)).toContain("| BAD-1 | B1 | FAIL |");
});

test("any runner will do: each case is a test with a deadline above the case's own", async () => {
  const tests: { name: string; timeoutMs: number; body: () => Promise<void> }[] = [];
  const last: (() => Promise<void>)[] = [];
  const port: TestPort = {
    suite: (_, body) => body(),
    test: (name, { timeoutMs }, body) => void tests.push({ name, timeoutMs, body: () => body({ note: () => {} }) }),
    after: (body) => void last.push(body),
  };
  const reports: Report[] = [];
  registerConformance(port, harness, { cases: [good, bad], onReport: (report) => void reports.push(report) });
  expect(tests.map(({ name }) => name)).toEqual(["GOOD-1 [B1] the case GOOD-1", "BAD-1 [B1] the case BAD-1"]);
  await tests[0]?.body();
  await expect(tests[1]?.body()).rejects.toThrow("fail: it is not so");
  expect(tests[0]?.timeoutMs).toBeGreaterThan(20_000);
  for (const body of last) await body();
  expect(reports).toMatchObject([{ passed: false, counts: { pass: 1, fail: 1 } }]);
});

test("under node:test a case passes, fails or hangs as itself, and the report comes last", () => {
  const program = fileURLToPath(new URL("./support/node-test-run.mjs", import.meta.url));
  // A run of node:test inside another takes it for a part of it, unless it knows of none.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ["--test", "--test-reporter=tap", program], {
    encoding: "utf8",
    env,
  });
  expect(stdout).toMatch(/^ +ok 1 - GOOD-1/m);
  expect(stdout).toMatch(/^ +not ok 2 - BAD-1/m);
  expect(stdout).toMatch(/^ +not ok 3 - HANG-1/m);
  expect(stdout).toContain("hung: still waiting");
  expect(stdout).toContain("told: 1 pass, 2 fail, level none");
  expect(status).toBe(1);
});

test("the adapter for node:test hands on names, time limits and notes", () => {
  const calls: unknown[] = [];
  const port = nodeTestPort({
    describe: (name, options, body) => {
      calls.push([name, options]);
      body();
    },
    it: (name, options) => calls.push([name, options]),
    after: () => calls.push("after"),
  });
  registerConformance(port, harness, { cases: [good], seed: 1 });
  expect(calls).toEqual([
    ["conformance of fake://run (seed 1)", { concurrency: 1 }],
    ["rpc.call", { concurrency: 1 }],
    // Against what hangs the kit itself: its own deadline and the clean-up, as long as they become on the busiest machine.
    ["GOOD-1 [B1] the case GOOD-1", { timeout: 350_000 }],
    "after",
  ]);
});
