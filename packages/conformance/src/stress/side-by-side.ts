import { type ConformanceCase, unmetNeed } from "../case.js";
import { ConformanceFailure, fail } from "../check.js";
import { CaseContext } from "../context.js";
import type { Group } from "../group.js";
import { caseSeed, shuffled } from "../seeded.js";
import { ALL_CASES } from "../suite/all-cases.js";

/** How many run at once. */
const AT_ONCE = 20;
/** Upper bounds are for a case alone; so many share a processor here. */
const STRETCH = 10;

/** What is about the process, the links or the broker, or has bounds of time that others would spoil. */
const NOT_BESIDE_OTHERS: ReadonlySet<Group> = new Set<Group>([
  ...(["faults", "stress", "security", "processes", "manifest", "review", "timeouts", "lifecycle"] as const),
]);

/** Cases at random, twenty at once, each in a space of its own, until the time is over (STR-03). */
export async function runSideBySide(t: CaseContext, ms: number): Promise<void> {
  const isBrokerless = t.harness.isBrokerless === true;
  const abilities = new Set(["spaces"] as const);
  const cases = shuffled(
    ALL_CASES.filter(({ group }) => !NOT_BESIDE_OTHERS.has(group)).filter(
      (test) => unmetNeed(test, t.claims, abilities, isBrokerless) === undefined,
    ),
    t.random,
  );
  const endAt = performance.now() + ms;
  const flaws: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    do {
      const number = next++;
      const test = cases[number % cases.length];
      if (test === undefined) return;
      const problem = await runOne(t, test, number);
      if (problem !== undefined) flaws.push(`${test.id}: ${problem}`);
    } while (performance.now() < endAt && flaws.length === 0);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  if (flaws.length > 0) fail(`beside others ${flaws.slice(0, 5).join("; ")}`);
  t.note(`${next} runs of ${Math.min(next, cases.length)} cases, ${AT_ONCE} at once`);
}

async function runOne(t: CaseContext, test: ConformanceCase, number: number): Promise<string | undefined> {
  const timing = { ...t.timing, scale: t.timing.scale * STRETCH };
  const seed = caseSeed(t.seed + number, test.id);
  const context = new CaseContext(test.id, t.claims, t.harness, timing, seed, `${t.space}-${number}`);
  const problems: string[] = [];
  try {
    await t.within(`${test.id} beside others`, test.run(context), 60_000);
    t.saw(context.evidence);
  } catch (error) {
    problems.push(error instanceof ConformanceFailure ? error.message : String(error));
  }
  // What went wrong before is the reason, where nothing can be cleared away either.
  problems.push(
    ...(await context.cleanUp().catch((error: unknown) => [`what is left cannot be cleared: ${String(error)}`])),
  );
  return problems.length === 0 ? undefined : problems.join("; ");
}
