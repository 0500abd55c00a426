/** The rounds: each measures every cell on every system, in an order drawn anew, so that the machine's moods fall on all alike. */
import { seededRandom, shuffle } from "../lib/statistics.mjs";

/**
 * Starts the systems, measures them and stops them. What fails is kept in `failures` of its system, which is started again for
 * its other cells. Rejects only when `signal` fires; all processes are gone then too.
 */
export async function runRounds({ runs, cells, rounds, ms, signal, onProgress }) {
  const killAll = () => {
    for (const run of runs) run.kill();
  };
  signal.addEventListener("abort", killAll, { once: true });
  const random = seededRandom(1);
  try {
    for (const run of runs) {
      onProgress(`starting ${run.name}`);
      await attempt(run, cells, signal, () => run.start());
    }
    // Round 0 warms up compilers, connections and the broker's queues, and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      for (const cell of cells) {
        for (const run of shuffle([...runs], random)) {
          if (run.failures.has(cell.name)) continue;
          onProgress(`round ${round} of ${rounds}, ${cell.name}, ${run.name}`, round);
          await attempt(run, [cell], signal, async () => {
            const sample = await run.measure(cell, ms);
            if (round > 0) keep(run, cell, sample);
          });
          if (run.failures.has(cell.name)) await restart(run, cells, signal);
        }
      }
    }
  } finally {
    signal.removeEventListener("abort", killAll);
    await Promise.all(runs.map((run) => run.stop()));
  }
}

function keep(run, cell, sample) {
  const samples = run.samples.get(cell.name) ?? [];
  run.samples.set(cell.name, samples);
  samples.push(sample);
}

async function attempt(run, cells, signal, work) {
  signal.throwIfAborted();
  try {
    await work();
  } catch (error) {
    signal.throwIfAborted();
    for (const cell of cells) if (!run.failures.has(cell.name)) run.failures.set(cell.name, error.message);
  }
}

/** What the failed slice left under way would disturb the others. */
async function restart(run, cells, signal) {
  await run.stop();
  if (cells.some((cell) => !run.failures.has(cell.name))) await attempt(run, cells, signal, () => run.start());
}
