import type { ConformanceCase } from "../case.js";
import type { CaseContext } from "../context.js";
import { runCastFlood, runChurn } from "../stress/churn.js";
import { type LoadOptions, type LoadProgress, runLoad } from "../stress/load.js";
import type { Operation } from "../stress/program.js";
import { runRandomPrograms } from "../stress/random-programs.js";
import { runSideBySide } from "../stress/side-by-side.js";

/** How long the stress cases take. */
export interface StressOptions {
  /** How long each case goes on, in seconds. @default 30 */
  readonly seconds?: number;
  /** How many casts STR-05 sends. @default 100_000 */
  readonly casts?: number;
  /** For the random programs: this one again and again, and no others. */
  readonly program?: readonly Operation[];
  /** Told after each round of a load. */
  readonly onRound?: (progress: LoadProgress) => void;
}

/** Cases that take long, and run only when asked for: load, faults, churn and random programs, each judged message by message. */
export function stressCases(options: StressOptions = {}): readonly ConformanceCase[] {
  const ms = (options.seconds ?? 30) * 1_000;
  const base = { group: "stress" as const, timeoutMs: 3 * ms + 180_000 };
  const load = (t: CaseContext, faults: LoadOptions["faults"]): Promise<void> => runNotedLoad(t, ms, faults, options);
  return [
    {
      ...base,
      id: "STR-01",
      title:
        "four peers call, cast, fan out and emit to each other, round by round: each message as it should be, nothing grows",
      clauses: ["A2", "A3", "A4", "B1", "B2", "B9", "C3", "E4"],
      needs: ["rpc"],
      run: (t) => load(t, "none"),
    },
    {
      ...base,
      id: "STR-02",
      title:
        "the same while links are cut, delayed and refused at random: no loss but what is told, nothing twice, all works again",
      clauses: ["B1", "B9", "B12", "C3", "E5", "E6"],
      needs: ["rpc", "ability:relay"],
      run: (t) => load(t, "links"),
    },
    {
      ...base,
      id: "STR-03",
      title: "cases of this kit side by side, each in a space of its own: each passes as it does alone",
      clauses: ["A1", "B9"],
      needs: ["rpc", "ability:spaces"],
      run: (t) => runSideBySide(t, ms),
    },
    {
      ...base,
      id: "STR-04",
      title: "servers come and go all the time under casts and calls: none fails, none is lost, none runs twice",
      clauses: ["B2", "B12", "E2", "E3"],
      needs: ["rpc", "gracefulDrain"],
      run: (t) => runChurn(t, ms),
    },
    {
      ...base,
      id: "STR-05",
      title: "a hundred thousand small casts: each is handled once; how many a second is told",
      clauses: ["B2", "B12", "B13"],
      needs: ["rpc"],
      timeoutMs: 600_000,
      run: (t) => runCastFlood(t, options.casts ?? 100_000),
    },
    {
      ...base,
      id: "STR-06",
      title:
        "random programs: each message is handled by whom the manifest says, as often as it says, and each send ends as it says",
      clauses: ["A2", "A3", "A4", "A7", "B1", "B2", "B9", "B12", "C3", "E2", "E3", "E5"],
      needs: ["rpc"],
      run: (t) => runRandomPrograms(t, { ms, ...(options.program === undefined ? {} : { program: options.program }) }),
    },
  ];
}

/** One case: a load for hours, with all the faults that the harness can make, killed processes among them. */
export function soakCase(options: StressOptions = {}): ConformanceCase {
  const ms = (options.seconds ?? 600) * 1_000;
  return {
    id: "SOAK-01",
    title:
      "four peers under load for long, with faults and killed processes at random where there can be: each message as it should be, nothing grows",
    group: "stress",
    clauses: ["A2", "A3", "B1", "B2", "B9", "B12", "C3", "E4", "E5", "E6"],
    needs: ["rpc"],
    timeoutMs: 2 * ms + 300_000,
    run: (t) => runNotedLoad(t, ms, t.harness.endpoint === undefined ? "none" : "links-and-broker", options, true),
  };
}

async function runNotedLoad(
  t: CaseContext,
  ms: number,
  faults: LoadOptions["faults"],
  { onRound }: StressOptions,
  kills = false,
): Promise<void> {
  const end = await runLoad(t, {
    ms,
    kills,
    ...(faults === undefined ? {} : { faults }),
    ...(onRound === undefined ? {} : { onRound }),
  });
  t.note(`${end.round} rounds, ${end.sent} sent, ${end.handled} handled, ${end.notAccepted} not accepted`);
  const befell = Object.entries(end.faults).map(([name, count]) => `${count} × ${name}`);
  if (befell.length > 0) t.note(`${befell.join(", ")}; ${end.toldLost} told as lost`);
}
