import type { ConformanceHarness } from "../harness.js";
import type { CaseResult } from "../report.js";
import { runConformance } from "../run.js";
import { ALL_CASES } from "../suite/all-cases.js";
import type { Mutant } from "./mutant.js";

/** What a case made of a mutant. `hung`: it failed only because its own deadline ended it. `not-run`: it does not apply, or proves nothing, there. */
export type Kill = "killed" | "hung" | "survived" | "not-run";

/** One case that is listed for a mutant, and what came of it. */
export interface KillAttempt {
  readonly caseId: string;
  readonly kill: Kill;
  readonly ms: number;
  /** What the case said. */
  readonly detail?: string;
}

/** What the listed cases made of one mutant. */
export interface MutantResult {
  readonly mutant: Mutant;
  /** `killed`: a case failed it, by itself. `weakly-killed`: none did but by a deadline. `not-run`: no listed case applies. */
  readonly verdict: "killed" | "weakly-killed" | "survived" | "not-run";
  readonly attempts: readonly KillAttempt[];
  /** Whether each listed case that ran has killed it. */
  readonly isAsListed: boolean;
}

/** How a mutant is judged. */
export interface JudgeMutantOptions {
  /** Some of the mutant's own list. @default all of it */
  readonly killers?: readonly string[];
  readonly seed?: number;
}

/**
 * Runs the cases that are listed for a mutant over `harness`, which opens transports of the driver that it has broken and of
 * no other.
 * @throws Error for a case that this edition does not have: a list that is wrong must not look like a driver that is right.
 */
export async function judgeMutant(
  mutant: Mutant,
  harness: ConformanceHarness,
  options: JudgeMutantOptions = {},
): Promise<MutantResult> {
  const { killers = mutant.killers, seed } = options;
  const wanted = [...(mutant.before ?? []), ...killers];
  const unknown = wanted.filter((id) => !ALL_CASES.some((test) => test.id === id));
  if (unknown.length > 0) throw new Error(`mutant ${mutant.id} lists cases that do not exist: ${unknown.join(", ")}`);
  const cases = ALL_CASES.filter(({ id }) => wanted.includes(id));
  const report = await runConformance({ harness, cases, ...(seed === undefined ? {} : { seed }) });
  const attempts = report.cases.filter(({ id }) => killers.includes(id)).map(attemptOf);
  const ran = attempts.filter(({ kill }) => kill !== "not-run");
  const has = (kill: Kill): boolean => ran.some((one) => one.kill === kill);
  const verdict = ran.length === 0 ? "not-run" : has("killed") ? "killed" : has("hung") ? "weakly-killed" : "survived";
  const isAsListed = ran.every(({ kill }) => kill === "killed");
  return { mutant, verdict, attempts, isAsListed };
}

function attemptOf({ id, verdict, isHung, ms, detail }: CaseResult): KillAttempt {
  const isApart = verdict === "not-applicable" || verdict === "unproven";
  const failing = isHung === true ? "hung" : "killed";
  const kill = isApart ? "not-run" : verdict === "fail" ? failing : "survived";
  return { caseId: id, kill, ms, ...(detail === undefined ? {} : { detail }) };
}

/** The mutants and the cases that must fail them, as the rows of a Markdown table. */
export function mutantTable(mutants: readonly Mutant[]): string {
  const rows = mutants
    .toSorted((one, other) => one.id.localeCompare(other.id))
    .map(({ id, name, fault, killers }) => `| ${id} | \`${name}\` | ${fault} | ${killers.join(" ")} |`);
  return ["| id | mutant | what is wrong | cases that fail it |", "|---|---|---|---|", ...rows].join("\n");
}
