import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { describeTally, newTally, tryStreams } from "../support/hostile-trial.js";

/** The first number of a run: what a failed one told, else chosen anew. */
const SEED = Number(process.env["TRUNKLINE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const STREAMS = Number(process.env["TRUNKLINE_MUTATIONS"] ?? 1_000_000);
const REPORT_EVERY = 100_000;

test(`${STREAMS} streams with changed greetings, commands and frames, from number ${SEED}`, async () => {
  const tally = newTally();
  for (let made = 0; made < STREAMS; made += REPORT_EVERY) {
    const part = Math.min(REPORT_EVERY, STREAMS - made);
    tryStreams(SEED + made, part, tally);
    console.log(`mutations: ${made + part} of ${STREAMS} from number ${SEED}: ${describeTally(tally)}`);
    await turn();
  }
  expect([...tally.byCode.values()].reduce((sum, count) => sum + count, 0)).toBe(STREAMS);
}, 1_800_000);
