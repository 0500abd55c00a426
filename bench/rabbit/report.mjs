/** What a run found, as plain data: what `--json` prints, and what tables and chart are drawn from. */
import { median, summary } from "../lib/statistics.mjs";

/** `systems` are those that were measured, `runs` their runs in the same order; the rest is told as it is. */
export function makeReport({ systems, runs, cells, ...about }) {
  const byName = new Map(runs.map((run) => [run.name, run]));
  const ours = systems.filter((system) => system.isOurs);
  return {
    suite: "rabbit",
    ...about,
    cells,
    systems: systems.map(({ name, title, version, isOurs, calls, casts }) => ({
      name,
      title,
      version,
      isOurs: isOurs ?? false,
      calls,
      casts,
    })),
    results: each(systems, ({ name }) => each(cells, (cell) => resultOf(byName.get(name), cell))),
    ratios: each(ours, (own) =>
      each(
        systems.filter((system) => system !== own),
        (other) => each(cells, (cell) => ratioOf(byName.get(own.name), byName.get(other.name), cell)),
      ),
    ),
  };
}

export function hasFailures(report) {
  return failuresOf(report).length > 0;
}

/** What failed and why; cells of one system that failed alike are told together. */
export function failuresOf({ systems, cells, results }) {
  return systems.flatMap((system) => {
    const reasons = cells.map((cell) => results[system.name][cell.name].failed);
    const different = [...new Set(reasons)].filter((why) => why !== undefined);
    return different.map((why) => ({ system, why, cells: cells.filter((_, index) => reasons[index] === why) }));
  });
}

function each(named, of) {
  return Object.fromEntries(named.map((one) => [one.name, of(one)]));
}

function resultOf(run, cell) {
  if (run.failures.has(cell.name)) return { failed: run.failures.get(cell.name) };
  const samples = run.samples.get(cell.name);
  const middle = (of) => median(samples.map(of));
  return {
    rate: summary(samples.map((sample) => sample.rate)),
    rates: samples.map((sample) => sample.rate),
    p50Ms: middle((sample) => sample.p50Ms),
    p99Ms: middle((sample) => sample.p99Ms),
    cpuUs: {
      client: middle((sample) => sample.clientUs),
      server: middle((sample) => sample.serverUs),
      broker: samples.some((sample) => sample.brokerUs === null) ? null : middle((sample) => sample.brokerUs),
    },
  };
}

/** Round by round, so that what slowed the machine for a while slowed both. Null where one of the two has no result. */
function ratioOf(own, other, cell) {
  if (own.failures.has(cell.name) || other.failures.has(cell.name)) return null;
  const samples = other.samples.get(cell.name);
  return summary(own.samples.get(cell.name).map(({ rate }, round) => rate / samples[round].rate));
}
