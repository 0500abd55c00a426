import { fail } from "../check.js";
import type { CaseContext } from "../context.js";
import type { Relay } from "../relay.js";
import { seededRandom } from "../seeded.js";
import { Machine, type ProgramRun } from "./machine.js";
import { describeProgram, generateProgram, type Means, type Operation, SLOTS } from "./program.js";
import { shrinkProgram } from "./shrink.js";

/** How much is tried. */
export interface RandomProgramOptions {
  /** After which no further program begins, in milliseconds. */
  readonly ms: number;
  /** This program again and again, and no others: what fails by chance does not each time. */
  readonly program?: readonly Operation[];
  /** How long a failed program may be made shorter. @default 30_000 */
  readonly shrinkMs?: number;
}

/** How often a shorter program may pass before it counts as one that does not fail: what fails by chance does not each time. */
const ATTEMPTS = 2;
const SHRINK_RUNS = 400;

/** Random programs one after another, each with a seed of its own, until the time is over or one breaks a promise (STR-06). */
export async function runRandomPrograms(t: CaseContext, options: RandomProgramOptions): Promise<void> {
  const endAt = performance.now() + options.ms;
  const hasRelay = t.harness.endpoint !== undefined && t.harness.isBrokerless !== true;
  const relays: Relay[] = [];
  for (let slot = 0; hasRelay && slot < SLOTS; slot++) relays.push(await t.relay());
  const { events, pools, fanout, serverDirected } = t.claims;
  const means: Means = { events, pools, fanout, serverDirected, cut: hasRelay || t.harness.cutLinks !== undefined };
  const totals = { programs: 0, sent: 0, handled: 0 };
  do {
    const seed = (t.seed + totals.programs) >>> 0;
    const random = seededRandom(seed);
    const length = 5 + Math.floor(random() * 40);
    const program = options.program ?? generateProgram(random, means, length);
    const run = await new Machine(t, relays).run(program);
    if (run.flaws.length > 0) await reportFailure(t, relays, seed, program, run, options.shrinkMs ?? 30_000);
    totals.programs++;
    totals.sent += run.sent;
    totals.handled += run.handled;
    // A short time on a slow machine may be over before any program had a message handled: that would show nothing.
  } while (performance.now() < endAt || (options.program === undefined && totals.handled === 0));
  t.note(`${totals.programs} programs, ${totals.sent} sent, ${totals.handled} handled`);
}

async function reportFailure(
  t: CaseContext,
  relays: readonly Relay[],
  seed: number,
  program: readonly Operation[],
  first: ProgramRun,
  ms: number,
): Promise<never> {
  let last = first;
  const fails = async (candidate: readonly Operation[]): Promise<boolean> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const run = await new Machine(t, relays).run(candidate);
      if (run.flaws.length === 0) continue;
      last = run;
      return true;
    }
    return false;
  };
  const { program: short, runs } = await shrinkProgram(program, fails, { runs: SHRINK_RUNS, ms });
  fail(
    [
      `a program of ${program.length} operations (seed ${seed}), shrunk to ${short.length} in ${runs} runs:`,
      describeProgram(short),
      ...last.flaws.slice(0, 5).map((flaw) => `  breaks: ${flaw}`),
      `  replay: ${JSON.stringify(short)}`,
    ].join("\n"),
  );
}
