import type { Capabilities, Transport } from "@trunkline/core";
import { type Ability, type ConformanceCase, isRefusal, provenKeys, unmetNeed } from "./case.js";
import { ConformanceFailure } from "./check.js";
import { heldTo } from "./claims.js";
import { CaseContext, pause } from "./context.js";
import { checkDeviations, withDeviation } from "./deviations.js";
import type { ConformanceHarness, Deviation } from "./harness.js";
import { LeakWatch } from "./leaks.js";
import { levelOf } from "./level.js";
import { expiry, Pace } from "./pace.js";
import { buildReport, type CaseResult, type Report, type Verdict } from "./report.js";
import { caseSeed } from "./seeded.js";
import { bySteps } from "./steps.js";
import { ALL_CASES } from "./suite/all-cases.js";
import { type StressOptions, stressCases } from "./suite/stress.js";

/** How a run goes. */
export interface RunOptions {
  /** Only cases whose id or group matches. @default all */
  readonly only?: RegExp;
  /** Repeats a run: names, orders and sizes come from it. @default random, and printed */
  readonly seed?: number;
  /** `unproven` counts as a failure. @default false */
  readonly strict?: boolean;
  /** Group by group in the order of `STEPS`, and no further than the first group that has a failure. @default false */
  readonly inSteps?: boolean;
  /** Called before each case, so that one from which nothing comes back is known by name. */
  readonly onStart?: (test: ConformanceCase, progress: Progress) => void;
  /** Called after each case, with how many are done of how many. */
  readonly onResult?: (result: CaseResult, progress: Progress) => void;
  /** Aborting ends the run after the case that runs: the report tells what was judged until then, and that it is cut short. */
  readonly signal?: AbortSignal;
  /** The stress cases after all others, and how long they take. @default none of them */
  readonly stress?: StressOptions;
  /** Cases of one's own, instead of the kit's. */
  readonly cases?: readonly ConformanceCase[];
}

/** How far a run has come, in cases. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** What `runConformance` takes: whom to test, and how. */
export interface ConformanceOptions extends RunOptions {
  readonly harness: ConformanceHarness;
}

/** How much longer than a case's own deadline a test runner should wait: the kit judges first. */
const CLEAN_UP_MS = 15_000;

const DEFAULT_CASE_MS = 20_000;

/** One run of the kit over one harness: opens, executes case by case, and reports. */
export class ConformanceRun {
  readonly cases: readonly ConformanceCase[];
  readonly seed: number;
  readonly timing: Pace;
  readonly #harness: ConformanceHarness;
  /** Every case that there is, those of this run or not. */
  readonly #known: readonly ConformanceCase[];
  readonly #options: RunOptions;
  readonly #results: CaseResult[] = [];
  readonly #errors: unknown[] = [];
  readonly #startedAt = new Date();
  readonly #started = performance.now();
  #claims: Promise<Capabilities> | undefined;

  constructor(harness: ConformanceHarness, options: RunOptions = {}) {
    const only = options.only;
    const stress = options.stress === undefined ? [] : stressCases(options.stress);
    const wanted = [...(options.cases ?? ALL_CASES), ...stress].filter(
      (test) => only === undefined || only.test(test.id) || only.test(test.group),
    );
    this.cases = options.inSteps === true ? bySteps(wanted) : wanted;
    this.seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
    this.timing = new Pace(harness.timing);
    this.#harness = harness;
    this.#options = options;
    this.#known = [...ALL_CASES, ...stressCases(), ...(options.cases ?? [])];
    checkDeviations(harness.deviations ?? [], new Set(this.#known.map(({ id }) => id)));
  }

  /** A case's own deadline in milliseconds, as the machine is at present. */
  deadlineOf(test: ConformanceCase): number {
    return (test.timeoutMs ?? DEFAULT_CASE_MS) * this.timing.scale;
  }

  /** How long a test runner should wait for a case in milliseconds: longer than the kit does, however crowded the machine becomes. */
  backstopOf(test: ConformanceCase): number {
    return ((test.timeoutMs ?? DEFAULT_CASE_MS) + CLEAN_UP_MS) * this.timing.longestScale;
  }

  /** Runs one case to its verdict. Never rejects for what a driver does. */
  async execute(test: ConformanceCase): Promise<CaseResult> {
    this.#options.onStart?.(test, this.#progress);
    const result = await this.#judge(test);
    this.#results.push(result);
    this.#options.onResult?.(result, this.#progress);
    return result;
  }

  get #progress(): Progress {
    return { done: this.#results.length, total: this.cases.length };
  }

  /**
   * Of a run in steps: the group before that of `test` which has a failure, so that `test` is not run. A case with faults stops
   * nothing: what comes after it belongs to a lower level.
   */
  brokenStepBefore(test: ConformanceCase): string | undefined {
    if (this.#options.inSteps !== true) return undefined;
    const broken = this.#results.find((result) => this.isFailure(result) && result.level === "core");
    return broken?.group === test.group ? undefined : broken?.group;
  }

  /** Whether `result` makes the run fail. */
  isFailure(result: CaseResult): boolean {
    if (result.verdict === "unproven") return this.#options.strict === true;
    return result.verdict === "fail" || result.verdict === "vacuous";
  }

  async finish(): Promise<Report> {
    const claims = await this.#readClaims();
    const versions = (await this.#harness.versions?.()) ?? {};
    await this.#harness.teardown?.();
    return buildReport({
      harness: this.#harness,
      versions,
      claims,
      seed: this.seed,
      stretch: this.timing.longestStretch,
      isStrict: this.#options.strict === true,
      startedAt: this.#startedAt,
      ms: performance.now() - this.#started,
      results: this.#results,
      isFailure: (result) => this.isFailure(result),
      isCutShort: this.#results.length < this.cases.length,
      known: this.#known,
      isPartial: !ALL_CASES.every((test) => this.cases.includes(test)),
    });
  }

  async #judge(test: ConformanceCase): Promise<CaseResult> {
    const began = performance.now();
    const base = {
      id: test.id,
      title: test.title,
      group: test.group,
      level: levelOf(test),
      clauses: test.clauses,
      kind: isRefusal(test) ? ("refusal" as const) : ("positive" as const),
      proves: provenKeys(test),
      seed: caseSeed(this.seed, test.id),
    };
    const result = (verdict: Verdict, more: Partial<CaseResult> = {}): CaseResult => ({
      ...base,
      verdict,
      evidence: 0,
      ms: performance.now() - began,
      notes: [],
      ...more,
    });
    let claims: Capabilities;
    try {
      claims = await this.#readClaims();
    } catch (error) {
      return result("fail", { detail: `the driver could not be opened: ${textOf(error)}` });
    }
    const unmet = unmetNeed(test, claims, this.#abilities(), this.#harness.isBrokerless === true);
    const known = this.#deviationOf(test.id);
    if (unmet !== undefined) return withDeviation(result(unmet.verdict, { detail: unmet.reason }), known);
    const outcome = await this.#attempt(test, claims, base.seed);
    return withDeviation(result(outcome.verdict, outcome), known);
  }

  /** The case itself, with its deadline, its clean-up and its leak check. */
  async #attempt(
    test: ConformanceCase,
    claims: Capabilities,
    seed: number,
  ): Promise<Pick<CaseResult, "verdict" | "evidence" | "notes"> & { detail?: string; isHung?: boolean }> {
    const space = `kit-${this.seed.toString(36)}-${test.id.toLowerCase()}-${seed.toString(36)}`;
    const context = new CaseContext(test.id, claims, this.#harness, this.timing, seed, space);
    if (test.isReview === true) context.prior = { results: this.#results, errors: this.#errors };
    const watch = new LeakWatch();
    const problems: string[] = [];
    let isHung = false;
    this.timing.begin();
    // Armed before the case begins, which may count what keeps the process alive.
    const hung = expiry(
      () => this.deadlineOf(test),
      (ms) => {
        isHung = true;
        return new ConformanceFailure(`hung: still waiting for ${context.waitingFor} after ${Math.round(ms)} ms`);
      },
    );
    try {
      await Promise.race([test.run(context), hung.promise]);
    } catch (error) {
      problems.push(error instanceof ConformanceFailure ? error.message : `threw ${textOf(error)}`);
    } finally {
      hung.cancel();
    }
    for (const problem of await context.cleanUp()) problems.push(problem);
    for (const problem of await watch.stop(this.timing.idleMs * this.timing.scale)) problems.push(problem);
    this.#errors.push(...context.errors);
    const evidence = context.evidence;
    const notes = context.notes;
    if (problems.length > 0) {
      return { verdict: "fail", evidence, notes, detail: problems.join("\n"), ...(isHung ? { isHung: true } : {}) };
    }
    if (context.isUnproven) return { verdict: "unproven", evidence, notes, detail: notes.join("; ") };
    if (evidence === 0 && test.needsNoEvidence !== true) {
      return { verdict: "vacuous", evidence, notes, detail: "nothing was observed, so nothing was proven" };
    }
    return { verdict: "pass", evidence, notes };
  }

  #deviationOf(caseId: string): Deviation | undefined {
    return this.#harness.deviations?.find((deviation) => deviation.caseId === caseId);
  }

  #abilities(): ReadonlySet<Ability> {
    const abilities = new Set<Ability>();
    if (this.#harness.isolatesSpaces) abilities.add("spaces");
    if (this.#harness.workerSource !== undefined) abilities.add("workers");
    if (this.#harness.createDeadTransport !== undefined) abilities.add("dead-address");
    if (this.#harness.endpoint !== undefined) abilities.add("endpoint");
    if (this.#harness.endpoint !== undefined || this.#harness.relaysPeers === true) abilities.add("relay");
    if (this.#harness.broker !== undefined) abilities.add("broker");
    if (this.#harness.loseQueues !== undefined) abilities.add("queues");
    if (this.#harness.cutLinks !== undefined) abilities.add("cuts");
    if (this.#harness.stranger !== undefined) abilities.add("stranger");
    if (this.#harness.inspect !== undefined) abilities.add("inspect");
    for (const offer of this.#harness.offers ?? []) abilities.add(offer);
    return abilities;
  }

  /** What the driver says, and over it what is pinned; read once, after the harness's own set-up. */
  #readClaims(): Promise<Capabilities> {
    this.#claims ??= (async () => {
      await this.#harness.setup?.();
      const space = `kit-${this.seed.toString(36)}-claims`;
      await this.#harness.openSpace?.(space);
      const transport: Transport = await this.#harness.createTransport({ space });
      const claims = heldTo(transport.capabilities, this.#harness.claims);
      await transport.close();
      await this.#harness.dropSpace?.(space);
      // What a driver frees on the next turn must not count as the first case's base.
      await pause(1);
      return claims;
    })();
    return this.#claims;
  }
}

/**
 * Runs the kit without any test runner, and resolves with the report; it rejects for no verdict, but where the harness's own
 * set-up fails or its first transport cannot be opened.
 */
export async function runConformance(options: ConformanceOptions): Promise<Report> {
  const run = new ConformanceRun(options.harness, options);
  for (const test of run.cases) {
    if (options.signal?.aborted === true || run.brokenStepBefore(test) !== undefined) break;
    await run.execute(test);
  }
  return run.finish();
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
}
