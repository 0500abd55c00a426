import { expect, test } from "vitest";
import { describeTally, newTally, tryStreams } from "../support/hostile-trial.js";

/** The first number of a run: what a failed one told, else chosen anew. */
const SEED = Number(process.env["TRUNKLINE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const STREAMS = 20_000;

test(`20 000 streams with changed greetings, commands and frames, from number ${SEED}: each ends in an error of its own or goes on`, () => {
  const tally = newTally();
  tryStreams(SEED, STREAMS, tally);
  console.log(`mutations: ${describeTally(tally)}`);
  // They reach what they are meant to: each code that NULL and PLAIN have, and messages behind what was changed.
  const codes = ["", "signature", "version", "mechanism", "handshake", "socket-type", "frame", "command", "too-large"];
  for (const code of [...codes, "refused", "denied"]) expect(tally.byCode.get(code) ?? 0, code).toBeGreaterThan(0);
  expect(tally.messages).toBeGreaterThan(STREAMS / 4);
}, 300_000);
